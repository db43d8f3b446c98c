#include "cli/one_shot.h"

#include "base/error.h"
#include "cli/interrupt_scope.h"

namespace hearth {

void answer_once(Answerer& answerer, Screen& screen, const OneShot& shot) {
  const InterruptScope scope;
  const AskOptions options = shot.settings.for_one_answer();
  const auto on_text = [&](std::string_view text) {
    if (!shot.json) screen.answer(text);
  };
  Conversation conversation;
  if (!shot.system.empty()) conversation.messages.push_back({"system", shot.system});
  conversation.messages.push_back({"user", shot.prompt});
  const Answer answer = shot.raw ? answerer.complete(shot.prompt, options, on_text, &scope.token())
                                 : answerer.chat(conversation, options, on_text, &scope.token());
  if (shot.json) screen.answer(to_json(answer, shot.load_seconds));
  screen.end_answer();
  if (shot.settings.verbose) {
    screen.note(speed_text(answer));
    const std::string more = shot.speed_hook ? shot.speed_hook(answer) : "";
    if (!more.empty()) screen.note(more);
  }
  if (answer.finish_reason == "cancelled") throw Error(ErrorCode::kCancelled, "stopped");
}

std::string joined_prompt(std::string piped, const std::string& prompt, bool raw) {
  if (raw && prompt.empty()) return piped;
  while (piped.ends_with('\n') || piped.ends_with('\r')) piped.pop_back();
  if (piped.empty() || prompt.empty()) return piped + prompt;
  return piped + "\n\n" + prompt;
}

}  // namespace hearth
