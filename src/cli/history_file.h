// HistoryFile: the lines typed in chats, oldest first, for the arrow keys: one line each in a file
// that only its owner may read. Lines are appended as they come, so that a kill loses none and two
// chats share the file. A file that cannot be read or written is no reason to refuse a chat: then
// there is no history. One thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace hearth {

class HistoryFile {
 public:
  // HEARTH_HOME/history, else XDG_STATE_HOME/hearth/history, else ~/.local/state/hearth/history;
  // empty without a home.
  static std::filesystem::path default_path();

  explicit HistoryFile(std::filesystem::path path) : path_(std::move(path)) {}

  // The newest kHistoryLinesMax; a file twice as long is shortened to them.
  std::vector<std::string> load();
  void append(std::string_view line);

 private:
  std::filesystem::path path_;
};

inline constexpr std::size_t kHistoryLinesMax = 1000;
inline constexpr std::uint64_t kHistoryBytesMax = 8u << 20;  // 2,000 lines of 4 KB

}  // namespace hearth
