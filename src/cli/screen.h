// Screen: where a command's words go: the answer to one stream and everything else to another, so
// that a pipe carries the answer alone. On a terminal, control characters of an answer (which a
// model chose) are shown as U+FFFD and do not steer it. Borrows its streams. One thread.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

namespace hearth {

class Screen {
 public:
  struct Style {
    bool answers_on_terminal = false;
    bool colour = false;  // of notes
  };

  Screen(std::ostream& answers, std::ostream& notes, Style style)
      : answers_(answers), notes_(notes), style_(style) {}

  // stdout and stderr: colours on a terminal that has them, unless NO_COLOR says otherwise.
  static Style style_of_process();

  // Shown at once. kUnavailable when it cannot be written (a full disk).
  void answer(std::string_view text);
  // Ends the answer's line, if it has not ended by itself.
  void end_answer();
  // One line, or several; a newline is added.
  void note(std::string_view text);
  void error(std::string_view text);

 private:
  void line(std::string_view text, std::string_view colour);

  std::ostream& answers_;
  std::ostream& notes_;
  Style style_;
  bool in_line_ = false;  // the answer's last character was no newline
};

// U+FFFD for every control character but newline and tab. `text` is whole UTF-8 characters.
std::string without_controls(std::string_view text);

}  // namespace hearth
