#include "cli/one_shot.h"

#include "base/error.h"
#include "cli/interrupt_scope.h"
#include "cli/prompt_line.h"

namespace hearth {

void answer_once(Answerer& answerer, Screen& screen, const OneShot& shot) {
  const InterruptScope scope;
  PromptLine prompt_line(!shot.json);
  AskOptions options = shot.settings.for_one_answer();
  options.on_prompt = [&](std::size_t done, std::size_t all) { prompt_line.show(done, all); };
  const auto on_text = [&](std::string_view text) {
    if (!shot.json) screen.answer(text);
  };
  Conversation conversation;
  if (!shot.system.empty()) conversation.messages.push_back({"system", shot.system});
  conversation.messages.push_back({"user", shot.prompt});
  const Answer answer = shot.raw ? answerer.complete(shot.prompt, options, on_text, &scope.token())
                                 : answerer.chat(conversation, options, on_text, &scope.token());
  prompt_line.finish();  // a prompt that was stopped has no end of its own
  const bool measured = shot.settings.verbose && shot.speed_hook;
  if (!shot.json) {
    screen.end_answer();
    const std::string full = full_context_text(answer, answerer.card());
    if (!full.empty()) screen.note(full + "; --ctx sets it");
  }
  const auto speed = measured ? std::optional(shot.speed_hook(answer)) : std::nullopt;
  if (shot.json) {
    screen.answer(
        to_json(answer, {options.sampling.seed, shot.load_seconds, answerer.card().device, speed}) +
        "\n");
  } else if (shot.settings.verbose) {
    screen.note(speed_text(answer, speed));
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
