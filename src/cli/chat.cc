#include "cli/chat.h"

#include <utility>

#include "base/error.h"
#include "cli/chat_commands.h"
#include "cli/error_line.h"
#include "cli/interrupt_scope.h"
#include "cli/prompt_line.h"

namespace hearth {
namespace {

constexpr const char* kPrompt = ">>> ";
constexpr const char* kBlockPrompt = "... ";

}  // namespace

Chat::Chat(Answerer& answerer, Screen& screen, ChatOptions options)
    : answerer_(answerer), screen_(screen), options_(std::move(options)) {
  set_system(options_.system);
}

void Chat::set_system(const std::string& text) {
  std::vector<Message>& messages = conversation_.messages;
  if (!messages.empty() && messages.front().role == "system") messages.erase(messages.begin());
  if (!text.empty()) messages.insert(messages.begin(), {"system", text});
}

void Chat::run(LineReader& reader) {
  ChatInputParser parser;
  bool leaving = false;  // Ctrl-C was the last thing typed
  for (std::string line;;) {
    const LineEvent event = reader.read(parser.in_block() ? kBlockPrompt : kPrompt, line);
    if (event == LineEvent::kEnd) return;
    if (event == LineEvent::kInterrupted) {
      if (leaving) return;
      leaving = true;
      parser.abandon();
      screen_.note("Ctrl-C again leaves; so do Ctrl-D and /bye");
      continue;
    }
    leaving = false;
    const std::optional<ChatInput> input = parser.push(line);
    if (input && !handle_or_report(*input)) return;
  }
}

bool Chat::handle_or_report(const ChatInput& input) {
  try {
    return handle(input);
  } catch (const Error& error) {
    screen_.end_answer();
    screen_.error(error_line(error));
    if (input.command.empty() && error.code() == ErrorCode::kResourceExhausted) {
      screen_.note(
          "The conversation is as it was before. /drop N forgets its N oldest turns, "
          "/clear all of them.");
    }
  }
  return true;
}

bool Chat::handle(const ChatInput& input) {
  if (!input.command.empty()) return run_chat_command(*this, input);
  say(input.text);
  return true;
}

void Chat::say(const std::string& text) {
  const std::size_t before = conversation_.messages.size();
  conversation_.messages.push_back({"user", text});
  try {
    const InterruptScope scope;
    PromptLine prompt_line(true);
    AskOptions options = options_.settings.for_one_answer();
    options.on_prompt = [&](std::size_t done, std::size_t all) { prompt_line.show(done, all); };
    const Answer answer = answerer_.chat(
        conversation_, options, [&](std::string_view piece) { screen_.answer(piece); },
        &scope.token());
    prompt_line.finish();  // a prompt that was stopped has no end of its own
    screen_.end_answer();
    keep(answer);
  } catch (...) {
    conversation_.messages.resize(before);
    throw;
  }
}

void Chat::keep(const Answer& answer) {
  last_ = answer;
  if (answer.text.empty() && answer.finish_reason == "cancelled") {
    conversation_.messages.pop_back();
    screen_.note("stopped before the answer began; the question is forgotten");
    return;
  }
  conversation_.messages.push_back({"assistant", answer.text});
  report(answer);
}

void Chat::report(const Answer& answer) {
  if (answer.finish_reason == "cancelled") screen_.note("stopped");
  const std::string full = full_context_text(answer, answerer_.card());
  if (!full.empty()) {
    screen_.note(full + "; /drop N forgets the N oldest turns, /clear all of them");
  } else if (answer.finish_reason == "length") {
    screen_.note("cut after max-tokens: " + std::to_string(answer.answer_tokens));
  }
  if (options_.settings.verbose) screen_.note(speed_text(answer, measured(answer)));
}

std::optional<AnswerSpeed> Chat::measured(const Answer& answer) const {
  return options_.speed_hook ? std::optional(options_.speed_hook(answer)) : std::nullopt;
}

}  // namespace hearth
