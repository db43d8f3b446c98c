#include "cli/screen.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ostream>
#include <system_error>

#include "base/error.h"
#include "base/utf8.h"
#include "format/printable.h"

namespace hearth {
namespace {

constexpr std::string_view kDim = "\033[2m";
constexpr std::size_t kErrorBytesMax = 4096;
constexpr std::string_view kRed = "\033[31m";
constexpr std::string_view kPlain = "\033[0m";

bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) {
    return (first < 0x20 && first != '\n' && first != '\t') || first == 0x7f;
  }
  // C1, U+0080 to U+009F, is C2 80 to C2 9F.
  return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

}  // namespace

std::string without_controls(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::string_view character = text.substr(0, first_utf8_unit(text).length);
    shown += is_control(character) ? kReplacementCharacter : character;
    text.remove_prefix(character.size());
  }
  return shown;
}

Screen::Style Screen::style_of_process() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool refused = no_colour != nullptr && *no_colour != '\0';
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  return {::isatty(STDOUT_FILENO) != 0, ::isatty(STDERR_FILENO) != 0 && !refused && !dumb};
}

void Screen::answer(std::string_view text) {
  if (text.empty()) return;
  errno = 0;
  answers_ << (style_.answers_on_terminal ? without_controls(text) : std::string(text))
           << std::flush;
  if (!answers_) {
    throw Error(ErrorCode::kUnavailable,
                "cannot write the answer: " + std::generic_category().message(errno));
  }
  in_line_ = text.back() != '\n';
}

void Screen::end_answer() {
  if (in_line_) answer("\n");
}

void Screen::note(std::string_view text) { line(text, kDim); }

// The text may quote a template or a file: it does not steer the terminal.
void Screen::error(std::string_view text) { line(printable(text, kErrorBytesMax), kRed); }

void Screen::line(std::string_view text, std::string_view colour) {
  if (style_.colour) {
    notes_ << colour << text << kPlain << std::endl;
  } else {
    notes_ << text << std::endl;
  }
}

}  // namespace hearth
