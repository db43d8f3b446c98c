#include "cli/chat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "cli/fake_answerer.h"

namespace hearth {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Lines of a test; "^C" is an interrupt, and after the last one comes the end.
class ScriptedReader final : public LineReader {
 public:
  explicit ScriptedReader(std::vector<std::string> lines) : lines_(std::move(lines)) {}
  LineEvent read(const std::string& prompt, std::string& line) override {
    prompts.push_back(prompt);
    if (next_ == lines_.size()) return LineEvent::kEnd;
    line = lines_[next_++];
    return line == "^C" ? LineEvent::kInterrupted : LineEvent::kLine;
  }
  std::size_t left() const { return lines_.size() - next_; }
  std::vector<std::string> prompts;

 private:
  std::vector<std::string> lines_;
  std::size_t next_ = 0;
};

class ChatTest : public ::testing::Test {
 protected:
  std::size_t run(std::vector<std::string> lines) {
    ScriptedReader reader(std::move(lines));
    chat.run(reader);
    prompts = reader.prompts;
    return reader.left();
  }
  std::vector<std::string> contents() const {
    std::vector<std::string> texts;
    for (const Message& m : chat.conversation().messages)
      texts.push_back(m.role + ":" + m.content.value_or(""));
    return texts;
  }
  std::filesystem::path scratch(const char* name) const {
    return std::filesystem::path(::testing::TempDir()) /
           (::testing::UnitTest::GetInstance()->current_test_info()->name() + std::string(name));
  }

  FakeAnswerer answerer;
  std::ostringstream answers, notes;
  Screen screen{answers, notes, {}};
  Chat chat{answerer, screen, {{}, "fake:1b", "", {}}};
  std::vector<std::string> prompts;
};

TEST_F(ChatTest, OnlyTheAnswerGoesToTheAnswers) {
  answerer.scripts = {{{"Good ", "day"}}, {{"Bye\n"}}};
  run({"hello", "/set temperature 0", "/set verbose on", "farewell", "/help", "/stats"});
  EXPECT_EQ(answers.str(), "Good day\nBye\n");
  EXPECT_THAT(notes.str(), HasSubstr("prompt: 5 tokens (1 cached), 8.0 tokens/s"));
  EXPECT_THAT(notes.str(), HasSubstr("6 of 2048 tokens"));
  EXPECT_EQ(notes.str().find('\033'), std::string::npos);
  EXPECT_EQ(answerer.options_seen[1].sampling.temperature, 0.0f);
  EXPECT_THAT(contents(), ::testing::ElementsAre("user:hello", "assistant:Good day",
                                                 "user:farewell", "assistant:Bye\n"));
}

TEST_F(ChatTest, StatsMeasureTheMachineOnlyWhenThereIsAnAnswer) {
  int measured = 0;
  const auto hook = [&](const Answer& answer) {
    ++measured;
    return answer_speed(answer, {0, 3'000'000'000, 0, 1'000'000'000}, {40, 8});
  };
  Chat measuring{answerer, screen, {{}, "fake:1b", "", hook}};
  answerer.scripts = {{{"a", "b", "c"}}};
  ScriptedReader reader({"/stats", "hello"});
  measuring.run(reader);
  EXPECT_EQ(measured, 0);
  ScriptedReader more({"/stats"});
  measuring.run(more);
  EXPECT_EQ(measured, 1);
  EXPECT_THAT(notes.str(), HasSubstr("4.0 GB/s of weights (50 % of this machine's 8.0)"));
}

TEST_F(ChatTest, BlockBecomesOneMessage) {
  answerer.scripts = {{{"ok"}}};
  run({"\"\"\"", "one", "", "  two", "\"\"\""});
  EXPECT_EQ(contents()[0], "user:one\n\n  two");
  EXPECT_EQ(prompts[1], "... ");
}

TEST_F(ChatTest, CtrlCStopsTheAnswerAndKeepsWhatWasSaid) {
  answerer.scripts = {{{"par", "tial"}, 1}, {{"x"}, 0}, {{"on"}}};
  run({"first", "never answered", "second"});
  EXPECT_THAT(contents(),
              ::testing::ElementsAre("user:first", "assistant:par", "user:second", "assistant:on"));
  EXPECT_EQ(answers.str(), "par\non\n");
}

TEST_F(ChatTest, CtrlCTwiceAtThePromptLeavesOnceDoesNot) {
  answerer.scripts = {{{"a"}}};
  EXPECT_EQ(run({"^C", "hi", "^C", "^C", "unread"}), 1u);
  EXPECT_EQ(answers.str(), "a\n");
  EXPECT_EQ(run({"\"\"\"half", "^C", "/bye", "unread"}), 1u);
}

TEST_F(ChatTest, FullContextLeavesTheConversationAsItWas) {
  answerer.scripts = {{{"a"}}, {{}, SIZE_MAX, "2100 tokens and the context holds 2048"}, {{"c"}}};
  run({"one", "too long", "/drop 1", "three"});
  EXPECT_THAT(notes.str(), HasSubstr("2100 tokens and the context holds 2048"));
  EXPECT_THAT(notes.str(), HasSubstr("/drop N"));
  EXPECT_THAT(notes.str(), HasSubstr("/clear"));
  EXPECT_THAT(contents(), ::testing::ElementsAre("user:three", "assistant:c"));
}

TEST_F(ChatTest, SaysWhyAnAnswerWasCut) {
  answerer.scripts = {{{"a", "b"}}, {{"a", "b"}}, {{"a", "b"}}};
  answerer.finish_reason = "length";
  run({"one"});
  EXPECT_THAT(notes.str(), HasSubstr("cut after max-tokens: 2"));
  notes.str("");
  answerer.model_card.context = 7;  // the fake prompt has 5 tokens
  run({"two"});
  EXPECT_THAT(notes.str(), HasSubstr("cut after 2 tokens: with the prompt's 5 the context of 7"));
  EXPECT_THAT(notes.str(), HasSubstr("/drop N"));
  notes.str("");
  answerer.finish_reason = "stop";
  run({"three"});
  EXPECT_EQ(notes.str(), "");
}

TEST_F(ChatTest, DropRefusesWhatIsNotThere) {
  answerer.scripts = {{{"a"}}, {{"b"}}};
  run({"/system Be brief.", "one", "two", "/drop 3", "/drop 0", "/drop x", "/drop 1"});
  EXPECT_THAT(contents(), ::testing::ElementsAre("system:Be brief.", "user:two", "assistant:b"));
  EXPECT_THAT(notes.str(), HasSubstr("the 2 turns there are"));
  run({"/clear"});
  EXPECT_THAT(contents(), ::testing::ElementsAre("system:Be brief."));
  run({"/system off"});
  EXPECT_TRUE(contents().empty());
}

TEST_F(ChatTest, UnknownCommandNamesTheNearest) {
  run({"/sav x", "/stat", "/hlep", "/qqqqqqq"});
  EXPECT_THAT(notes.str(), HasSubstr("/sav; did you mean /save?"));
  EXPECT_THAT(notes.str(), HasSubstr("/stat; did you mean /stats?"));
  EXPECT_THAT(notes.str(), HasSubstr("/hlep; did you mean /help?"));
  EXPECT_THAT(notes.str(), HasSubstr("/qqqqqqq (/help"));
}

TEST_F(ChatTest, SettingsRefuseWhatDoesNotFit) {
  run({"/set temperature hot", "/set top-k 1.5", "/set seed -1", "/set temprature 1",
       "/set verbose maybe", "/set top-k 7", "/set max-tokens 9",
       "/set seed 18446744073709551615"});
  EXPECT_THAT(notes.str(), HasSubstr("temperature is 'hot'; wanted a number"));
  EXPECT_THAT(notes.str(), HasSubstr("top-k is '1.5'; wanted a whole number"));
  EXPECT_THAT(notes.str(), HasSubstr("seed is '-1'"));
  EXPECT_THAT(notes.str(), HasSubstr("did you mean 'temperature'?"));
  EXPECT_THAT(notes.str(), HasSubstr("verbose is 'maybe'; wanted on or off"));
  EXPECT_EQ(chat.settings().options.sampling.top_k, 7);
  EXPECT_EQ(chat.settings().options.max_tokens, 9u);
  EXPECT_EQ(chat.settings().seed, 18446744073709551615u);
  EXPECT_EQ(chat.settings().options.sampling.temperature, 0.8f);
}

TEST_F(ChatTest, SeedIsAnotherOneForEveryAnswerUntilSet) {
  answerer.scripts = {{{"a"}}, {{"b"}}, {{"c"}}};
  run({"1", "2", "/set seed 5", "3"});
  EXPECT_NE(answerer.options_seen[0].sampling.seed, answerer.options_seen[1].sampling.seed);
  EXPECT_EQ(answerer.options_seen[2].sampling.seed, 5u);
}

TEST_F(ChatTest, SavesAndLoads) {
  const std::string file = scratch(".json").string();
  answerer.scripts = {{{"a \"quoted\"\nline"}}};
  run({"/system Ünïcode", "one", "/save " + file, "/clear", "/system off", "/load " + file});
  EXPECT_THAT(contents(),
              ::testing::ElementsAre("system:Ünïcode", "user:one", "assistant:a \"quoted\"\nline"));
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(ChatTest, LoadRefusesAndKeepsWhatWasThere) {
  const std::string file = scratch(".json").string();
  answerer.scripts = {{{"a"}}};
  run({"one"});
  const std::pair<const char*, const char*> cases[] = {
      {R"({"hearth_conversation": 2, "model": "m", "messages": []})", "has version 2"},
      {R"({"messages": []})", "no conversation that /save wrote"},
      {R"({"hearth_conversation": 1, "model": "m", "messages": [{"role": "root", "content": ""}]})",
       "the role is 'root'"},
      {R"({"hearth_conversation": 1, "model": "m", "messages": [{"role": "user"}]})", "content"},
      {"not JSON", "JSON"},
  };
  for (const auto& [text, wanted] : cases) {
    std::ofstream(file) << text;
    notes.str("");
    run({"/load " + file});
    EXPECT_THAT(notes.str(), HasSubstr(wanted)) << text;
    EXPECT_EQ(contents().size(), 2u);
  }
  notes.str("");
  run({"/load " + file + ".absent", "/load", "/save /proc/nowhere/x"});
  EXPECT_THAT(notes.str(), HasSubstr("there is no file"));
  EXPECT_THAT(notes.str(), HasSubstr("wanted: /load FILE"));
  EXPECT_THAT(notes.str(), HasSubstr("/proc/nowhere/x"));
}

TEST(Screen, KeepsControlsOffATerminalAndOnAPipe) {
  std::ostringstream answers, notes;
  const std::string hostile = "a\033[31mb\u0085c\td\n";
  Screen(answers, notes, {}).answer(hostile);
  EXPECT_EQ(answers.str(), hostile);
  answers.str("");
  Screen(answers, notes, {.answers_on_terminal = true}).answer(hostile);
  EXPECT_EQ(answers.str(), "a\uFFFD[31mb\uFFFDc\td\n");
}

TEST(Screen, ReportsAnAnswerThatCannotBeWritten) {
  std::ofstream full("/dev/full");
  std::ostringstream notes;
  Screen screen(full, notes, {});
  EXPECT_THROW(screen.answer("text"), Error);
}

}  // namespace
}  // namespace hearth
