#include "cli/history_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "base/error.h"
#include "base/log.h"
#include "cli/error_line.h"
#include "platform/file.h"

namespace hearth {
namespace {

constexpr unsigned kOwnerOnly = 0600;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void write_all(const UniqueFd& fd, std::string_view bytes, const std::filesystem::path& path) {
  // One write of one line: O_APPEND keeps lines of two chats apart.
  if (::write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    throw_system_error("write", path, errno);
  }
}

UniqueFd open_private(const std::filesystem::path& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | O_WRONLY | O_CREAT | O_CLOEXEC, kOwnerOnly));
  // An older file may be readable by others.
  if (!fd.valid() || ::fchmod(fd.get(), kOwnerOnly) != 0) throw_system_error("open", path, errno);
  return fd;
}

}  // namespace

std::filesystem::path HistoryFile::default_path() {
  if (const std::string home = variable("HEARTH_HOME"); !home.empty()) {
    return std::filesystem::path(home) / "history";
  }
  if (const std::string state = variable("XDG_STATE_HOME"); state.starts_with('/')) {
    return std::filesystem::path(state) / "hearth/history";
  }
  const std::string home = variable("HOME");
  return home.empty() ? "" : std::filesystem::path(home) / ".local/state/hearth/history";
}

std::vector<std::string> HistoryFile::load() {
  std::vector<std::string> lines;
  if (path_.empty()) return lines;
  try {
    std::istringstream text(read_small_file(path_, kHistoryBytesMax).value_or(""));
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    const bool too_long = lines.size() > 2 * kHistoryLinesMax;
    if (lines.size() > kHistoryLinesMax) lines.erase(lines.begin(), lines.end() - kHistoryLinesMax);
    if (too_long) {
      std::string kept;
      for (const std::string& line : lines) kept += line + "\n";
      write_all(open_private(path_, O_TRUNC), kept, path_);
    }
  } catch (const Error& error) {
    log(LogLevel::kInfo, "no history: " + error_line(error));
  }
  return lines;
}

void HistoryFile::append(std::string_view line) {
  if (path_.empty()) return;
  try {
    make_directories(path_.parent_path());
    write_all(open_private(path_, O_APPEND), std::string(line) + "\n", path_);
  } catch (const Error& error) {
    log(LogLevel::kInfo, "no history: " + error_line(error));
    path_.clear();
  }
}

}  // namespace hearth
