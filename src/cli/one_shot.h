// One prompt, one answer: `hearth run MODEL PROMPT`. Borrows the Answerer and the Screen. One
// thread.
#pragma once

#include <string>
#include <string_view>

#include "cli/answer_report.h"
#include "cli/ask_settings.h"
#include "cli/screen.h"
#include "host/answerer.h"

namespace hearth {

struct OneShot {
  AskSettings settings;
  std::string prompt;
  std::string system;  // empty: none
  bool raw = false;    // without a template
  bool json = false;   // one object in place of the text
  double load_seconds = 0;
  SpeedHook speed_hook;
};

// kCancelled after Ctrl-C; what had been answered is shown all the same.
void answer_once(Answerer& answerer, Screen& screen, const OneShot& shot);

// Text from a pipe and the prompt of the command line: the pipe's first, a blank line between
// them. `raw` keeps a pipe's text byte for byte when it stands alone.
std::string joined_prompt(std::string piped, const std::string& prompt, bool raw);

}  // namespace hearth
