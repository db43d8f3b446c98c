// Chat: a conversation in the terminal: messages go to an Answerer, commands are done here.
// Owns the conversation; borrows the Answerer, the Screen and the LineReader. One thread.
//
// Invariant: between turns the conversation is one that was said: a turn that failed leaves no
// trace, a stopped one leaves what had been answered.
#pragma once

#include <optional>
#include <string>

#include "chat/conversation.h"
#include "cli/answer_report.h"
#include "cli/ask_settings.h"
#include "cli/chat_input.h"
#include "cli/line_reader.h"
#include "cli/screen.h"
#include "host/answerer.h"

namespace hearth {

struct ChatOptions {
  AskSettings settings;
  std::string model;   // the reference, for /save
  std::string system;  // empty: none
  SpeedHook speed_hook;
};

class Chat {
 public:
  Chat(Answerer& answerer, Screen& screen, ChatOptions options);

  // Until /bye, Ctrl-D, or Ctrl-C twice at the prompt.
  void run(LineReader& reader);

  // False when the person leaves. Throws what a command or a turn throws.
  bool handle(const ChatInput& input);
  const Conversation& conversation() const noexcept { return conversation_; }
  const AskSettings& settings() const noexcept { return options_.settings; }

 private:
  friend struct ChatCommands;  // chat_commands.cc

  void say(const std::string& text);
  void keep(const Answer& answer);
  void report(const Answer& answer);
  std::optional<AnswerSpeed> measured(const Answer& answer) const;
  void set_system(const std::string& text);
  bool handle_or_report(const ChatInput& input);

  Answerer& answerer_;
  Screen& screen_;
  ChatOptions options_;
  Conversation conversation_;
  std::optional<Answer> last_;
};

}  // namespace hearth
