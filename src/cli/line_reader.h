// LineReader: where a chat's lines come from: a person at a terminal, or a test. One thread.
#pragma once

#include <string>

namespace hearth {

enum class LineEvent {
  kLine,         // a line, without its newline
  kEnd,          // Ctrl-D on an empty line, or the end of a file
  kInterrupted,  // Ctrl-C; what was typed is gone
};

class LineReader {
 public:
  virtual ~LineReader() = default;
  virtual LineEvent read(const std::string& prompt, std::string& line) = 0;
};

}  // namespace hearth
