#include "store/layout.h"

#include "platform/file.h"

namespace hearth {

namespace fs = std::filesystem;

Error with_home_advice(const Error& error) {
  if (error.code() != ErrorCode::kPermissionDenied) return error;
  return {error.code(), error.message() + ": set HEARTH_HOME to a directory you may write to",
          error.detail()};
}

std::vector<fs::path> entries_of(const fs::path& room) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator entry(room, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    paths.push_back(entry->path());
  }
  if (!error || error == std::errc::no_such_file_or_directory ||
      error == std::errc::not_a_directory) {
    return paths;
  }
  try {
    throw_system_error("read", room, error.value());
  } catch (const Error& closed) {
    throw with_home_advice(closed);
  }
}

}  // namespace hearth
