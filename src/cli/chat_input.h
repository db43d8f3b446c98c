// ChatInput: what a person typed, line by line, made into messages and commands.
//
//   input   = command | message
//   command = "/" name [" " argument]        the slash in the first column
//   message = a line | text between """ and """, over as many lines as it takes
// An argument may be written between """ too. A value that owns the lines read so far; one thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hearth {

struct ChatInput {
  std::string command;  // without its slash; empty for a message
  std::string text;     // the message, or the command's argument
};

class ChatInputParser {
 public:
  // Takes one line, without its newline; gives an input once one is complete. A blank line outside
  // """ is none.
  std::optional<ChatInput> push(std::string_view line);
  bool in_block() const noexcept { return in_block_; }
  void abandon();

 private:
  ChatInput take();

  std::string command_;
  std::string text_;
  bool in_block_ = false;
};

// The word of `words` that takes the fewest typing errors to become `word`: none when even that is
// more than half of it.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> words);

}  // namespace hearth
