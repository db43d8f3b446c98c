// TerminalReader: lines from a person, with editing and history (libedit). The prompt and what is
// typed are shown on stderr. Owns libedit's state and the terminal's mode while it reads; one at a
// time, one thread. Sets the process's character type to UTF-8, which libedit needs.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "cli/line_reader.h"

namespace hearth {

class TerminalReader final : public LineReader {
 public:
  explicit TerminalReader(std::filesystem::path history);
  ~TerminalReader() override;

  LineEvent read(const std::string& prompt, std::string& line) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hearth
