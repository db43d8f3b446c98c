#include "cli/one_shot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "cli/fake_answerer.h"
#include "cli/model_hint.h"
#include "cli/prompt_line.h"

namespace hearth {
namespace {

OneShot request(std::string prompt, std::string system) {
  OneShot shot;
  shot.prompt = std::move(prompt);
  shot.system = std::move(system);
  return shot;
}

class OneShotTest : public ::testing::Test {
 protected:
  FakeAnswerer answerer;
  std::ostringstream answers, notes;
  Screen screen{answers, notes, {}};
};

TEST_F(OneShotTest, PrintsTheAnswerAndItsNewline) {
  answerer.scripts = {{{"blue", " sky"}}};
  answer_once(answerer, screen, request("why?", "Be brief."));
  EXPECT_EQ(answers.str(), "blue sky\n");
  EXPECT_EQ(notes.str(), "");
  ASSERT_EQ(answerer.asked[0].messages.size(), 2u);
  EXPECT_EQ(answerer.asked[0].messages[0].content, "Be brief.");
}

TEST_F(OneShotTest, JsonHasWhatScriptsRead) {
  answerer.scripts = {{{"a", "b", "c"}}};
  OneShot shot = request("p", "");
  shot.raw = shot.json = true;
  shot.load_seconds = 1.5;
  answer_once(answerer, screen, shot);
  const nlohmann::json object = nlohmann::json::parse(answers.str());
  EXPECT_EQ(object["text"], "abc");
  EXPECT_EQ(object["prompt_token_ids"], (std::vector<int>{1, 2, 3, 4, 5}));
  EXPECT_EQ(object["token_ids"], (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(object["finish_reason"], "stop");
  const nlohmann::json& timings = object["timings"];
  EXPECT_EQ(timings["load_seconds"], 1.5);
  EXPECT_EQ(timings["prompt_tokens_per_second"], 8.0);      // 5 - 1 cached, in half a second
  EXPECT_EQ(timings["generation_tokens_per_second"], 1.0);  // 3 - the first, in two seconds
  EXPECT_EQ(timings["cached_tokens"], 1);
  EXPECT_EQ(answerer.completed, std::vector<std::string>{"p"});
  EXPECT_EQ(answers.str().find('\n'), answers.str().size() - 1);
}

AnswerSpeed half_of_the_machine(const Answer& answer) {
  // Four prompt tokens in half a second, two of the answer's in two.
  const TokenCost cost{1'000'000'000, 3'000'000'000, 1'000'000'000, 1'000'000'000};
  return answer_speed(answer, cost, {.int8_gops = 40, .read_gbytes_per_second = 8});
}

TEST_F(OneShotTest, VerboseShowsTheShareOfTheMachine) {
  answerer.scripts = {{{"a", "b", "c"}}, {{"a"}}};
  OneShot shot = request("p", "");
  shot.settings.verbose = true;
  shot.speed_hook = half_of_the_machine;
  answer_once(answerer, screen, shot);
  EXPECT_EQ(notes.str(),
            "prompt: 5 tokens (1 cached), 8.0 tokens/s, 20 Gop/s (50 % of this machine's 40)\n"
            "answer: 3 tokens, 1.0 tokens/s, 4.0 GB/s of weights (50 % of this machine's 8.0)\n");
  notes.str("");
  answer_once(answerer, screen, shot);
  EXPECT_THAT(notes.str(), ::testing::HasSubstr("answer: 1 token, 0.0 tokens/s\n"));
}

TEST_F(OneShotTest, JsonHasTheShareOfTheMachineWhenAskedFor) {
  answerer.scripts = {{{"a", "b", "c"}}, {{"a"}}};
  OneShot shot = request("p", "");
  shot.json = shot.settings.verbose = true;
  shot.speed_hook = half_of_the_machine;
  answer_once(answerer, screen, shot);
  const nlohmann::json machine = nlohmann::json::parse(answers.str())["machine"];
  EXPECT_EQ(machine["prompt_gops"], 20.0);
  EXPECT_EQ(machine["prompt_share"], 0.5);
  EXPECT_EQ(machine["generation_gbytes_per_second"], 4.0);
  EXPECT_EQ(machine["generation_share"], 0.5);
  EXPECT_EQ(notes.str(), "");
  answers.str("");
  shot.settings.verbose = false;
  shot.speed_hook = [](const Answer&) -> AnswerSpeed { throw Error(ErrorCode::kInternal, "?"); };
  answer_once(answerer, screen, shot);
  EXPECT_FALSE(nlohmann::json::parse(answers.str()).contains("machine"));
}

TEST_F(OneShotTest, TheSeedOfTheJsonGivesTheSameAnswerAgain) {
  const auto loaded =
      open_model(std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/tiny/llama_gqa.gguf",
                 {.device = {.isa = "portable", .threads = 1},
                  .context = 256,
                  .rows_per_step = 64,
                  .cache_types = {},
                  .on_progress = {}});
  const auto model = make_local_answerer(*loaded);
  OneShot shot = request("p", "");
  shot.raw = shot.json = true;
  set_by_name(shot.settings, "temperature", "1");
  set_by_name(shot.settings, "min-p", "0");
  shot.settings.options.max_tokens = 16;
  shot.settings.options.ignore_eos = true;
  const auto ask = [&] {
    answers.str("");
    answer_once(*model, screen, shot);
    return nlohmann::json::parse(answers.str());
  };
  const nlohmann::json first = ask();
  EXPECT_NE(ask()["token_ids"], first["token_ids"]);  // 16 tokens of hundreds, drawn at random
  shot.settings.seed = first["seed"];
  const nlohmann::json again = ask();
  EXPECT_EQ(again["token_ids"], first["token_ids"]);
  EXPECT_EQ(again["seed"], first["seed"]);
}

TEST_F(OneShotTest, CtrlCShowsWhatThereWasAndFails) {
  answerer.scripts = {{{"half", "whole"}, 1}};
  try {
    answer_once(answerer, screen, request("p", ""));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  EXPECT_EQ(answers.str(), "half\n");
}

TEST(JoinedPrompt, PutsThePipeFirst) {
  EXPECT_EQ(joined_prompt("notes\r\n\n", "sum up", false), "notes\n\nsum up");
  EXPECT_EQ(joined_prompt("notes\n", "", false), "notes");
  EXPECT_EQ(joined_prompt("notes\n", "", true), "notes\n");
  EXPECT_EQ(joined_prompt("", "sum up", true), "sum up");
}

TEST(PromptLine, ShowsBothNumbers) {
  EXPECT_EQ(prompt_line_text(0, 999), "reading the prompt: 0 of 999 tokens …");
  EXPECT_EQ(prompt_line_text(1024, 1'234'567), "reading the prompt: 1,024 of 1,234,567 tokens …");
}

TEST(ModelHint, NamesAModelThisMachineHolds) {
  const Catalog catalog = Catalog::embedded();
  const ModelCard toy{"SmolLM2", 2048, 134'515'008, 98'362'432, true, ""};
  EXPECT_THAT(toy_hint(toy, catalog, {4'000'000'000, 8}),
              ::testing::HasSubstr("qwen2.5-coder:1.5b"));
  EXPECT_THAT(toy_hint(toy, catalog, {64'000'000'000, 2}), ::testing::HasSubstr("qwen2.5:3b"));
  EXPECT_THAT(toy_hint(toy, catalog, {64'000'000'000, 64}), ::testing::HasSubstr("llama3.1:8b"));
  EXPECT_THAT(toy_hint(toy, catalog, {100'000'000, 8}),
              ::testing::Not(::testing::HasSubstr("run")));
  ModelCard large = toy;
  large.parameters = kToyParametersMax;
  EXPECT_EQ(toy_hint(large, catalog, {4'000'000'000, 8}), "");
  ModelCard plain = toy;
  plain.has_template = false;
  EXPECT_EQ(no_template_hint(toy), "");
  EXPECT_THAT(no_template_hint(plain), ::testing::HasSubstr("plain completion"));
}

}  // namespace
}  // namespace hearth
