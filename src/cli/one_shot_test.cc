#include "cli/one_shot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "cli/fake_answerer.h"
#include "cli/model_hint.h"

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

TEST(ModelHint, NamesAModelThisMachineHolds) {
  const Catalog catalog = Catalog::embedded();
  const ModelCard toy{"SmolLM2", 2048, 134'515'008, 98'362'432, true, ""};
  EXPECT_THAT(toy_hint(toy, catalog, 4'000'000'000), ::testing::HasSubstr("qwen2.5-coder:1.5b"));
  EXPECT_THAT(toy_hint(toy, catalog, 100'000'000), ::testing::Not(::testing::HasSubstr("run")));
  ModelCard large = toy;
  large.parameters = kToyParametersMax;
  EXPECT_EQ(toy_hint(large, catalog, 4'000'000'000), "");
  ModelCard plain = toy;
  plain.has_template = false;
  EXPECT_EQ(no_template_hint(toy), "");
  EXPECT_THAT(no_template_hint(plain), ::testing::HasSubstr("plain completion"));
}

}  // namespace
}  // namespace hearth
