#include "cli/chat_input.h"

#include <gtest/gtest.h>

#include <vector>

namespace hearth {
namespace {

struct Case {
  std::vector<std::string> lines;
  std::string command;
  std::string text;
};

TEST(ChatInput, ReadsMessagesCommandsAndBlocks) {
  const Case cases[] = {
      {{"hello  "}, "", "hello  "},
      {{" /not a command"}, "", " /not a command"},
      {{"", "   ", "after blanks"}, "", "after blanks"},
      {{"/bye"}, "bye", ""},
      {{"/set  top-k  5 "}, "set", "top-k  5"},
      {{"/"}, "help", ""},
      {{"\"\"\"one line\"\"\""}, "", "one line"},
      {{"\"\"\"", "a", "", "b", "\"\"\""}, "", "a\n\nb"},
      {{"\"\"\"a", "/bye", "b\"\"\"  "}, "", "a\n/bye\nb"},
      {{"/system \"\"\"x", "y\"\"\""}, "system", "x\ny"},
      {{"\"\"\"\"\"\"", "next"}, "", "next"},
      {{"say \"\"\" inside"}, "", "say \"\"\" inside"},
  };
  for (const Case& expected : cases) {
    ChatInputParser parser;
    std::optional<ChatInput> input;
    for (const std::string& line : expected.lines) {
      ASSERT_FALSE(input) << "ended before: " << line;
      input = parser.push(line);
    }
    ASSERT_TRUE(input) << expected.lines.front();
    EXPECT_EQ(input->command, expected.command) << expected.lines.front();
    EXPECT_EQ(input->text, expected.text) << expected.lines.front();
    EXPECT_FALSE(parser.in_block());
  }
}

TEST(ChatInput, AbandonedBlockLeavesNothing) {
  ChatInputParser parser;
  EXPECT_FALSE(parser.push("/system \"\"\"half"));
  EXPECT_TRUE(parser.in_block());
  parser.abandon();
  const std::optional<ChatInput> input = parser.push("whole");
  ASSERT_TRUE(input);
  EXPECT_EQ(input->command, "");
  EXPECT_EQ(input->text, "whole");
}

TEST(NearestWord, CountsTypingErrors) {
  const std::string_view words[] = {"help", "set", "save", "stats"};
  EXPECT_EQ(nearest_word("stas", words), "stats");
  EXPECT_EQ(nearest_word("hepl", words), "help");
  EXPECT_EQ(nearest_word("xyzzy", words), "");
  EXPECT_EQ(nearest_word("", words), "");
}

}  // namespace
}  // namespace hearth
