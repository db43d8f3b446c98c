#include "store/modelfile.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace hearth {
namespace {

Error refusal(const std::string& text) {
  try {
    parse_modelfile(text);
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kInternal, "not refused"};
}

void expect_round_trip(const Modelfile& modelfile) {
  const std::string text = to_text(modelfile);
  EXPECT_EQ(parse_modelfile(text), modelfile) << text;
  EXPECT_EQ(to_text(parse_modelfile(text)), text);
}

const char* const kWhole = R"(# A pirate.
FROM smollm2:135m

parameter temperature 0.5
PARAMETER num_ctx 4096
Parameter stop "<|im_end|>"
PARAMETER stop User:
PARAMETER seed -42
PARAMETER num_gpu 99
PARAMETER mirostat 2
PARAMETER num_gpu 1
TEMPLATE """{{ if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}"""
  SYSTEM You are "Mario", a # plumber.
MESSAGE user Is Toronto in Canada?
MESSAGE assistant """yes
"it" is"""
LICENSE """
Apache
"""
license MIT
)";

TEST(ModelfileTest, EveryInstructionIsRead) {
  const Modelfile read = parse_modelfile(kWhole);
  EXPECT_EQ(read.from, "smollm2:135m");
  EXPECT_EQ(read.template_text,
            "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}");
  EXPECT_EQ(read.system, "You are \"Mario\", a # plumber.");
  const std::vector<ModelfileParameter> parameters = {
      {"temperature", 0.5},        {"num_ctx", std::int64_t{4096}},
      {"stop", "<|im_end|>"},      {"stop", "User:"},
      {"seed", std::int64_t{-42}}, {"num_gpu", "99"},
      {"mirostat", "2"},           {"num_gpu", "1"}};
  EXPECT_EQ(read.parameters, parameters);
  EXPECT_EQ(read.without_effect(), (std::vector<std::string>{"num_gpu", "mirostat"}));
  const std::vector<ModelfileMessage> messages = {{"user", "Is Toronto in Canada?"},
                                                  {"assistant", "yes\n\"it\" is"}};
  EXPECT_EQ(read.messages, messages);
  EXPECT_EQ(read.licences, (std::vector<std::string>{"\nApache\n", "MIT"}));
  expect_round_trip(read);
}

TEST(ModelfileTest, ValuesAreReadAsWritten) {
  struct Case {
    std::string written, value;
  };
  for (const auto& [written, value] : std::vector<Case>{
           {"plain", "plain"},
           {"  plain text \t", "plain text"},
           {"\"quoted\"", "quoted"},
           {"\" with spaces \"  ", " with spaces "},
           {"\"\"", ""},
           {"\"\"\"\"\"\"", ""},
           {"\"two\nlines\"", "two\nlines"},
           {"\"a\" and \"b\"", "a\" and \"b"},
           {"\"x\"\"", "x\""},
           {"\"\"\"x\"\"\"", "x"},
           {"\"\"\"x\"\"\"\"", "x\""},
           {"\"\"\"\"x\"\"\"", "\"x"},
           {"\"\"\"\n\n# no comment\nFROM here\n\"\"\"", "\n\n# no comment\nFROM here\n"},
           {"\"\"\"a\"\"\" b\n\"\"\"", "a\"\"\" b\n"},
           {"a\"\"\"", "a\"\"\""},
           {"\\n \\\"", "\\n \\\""},
           {"# not a comment", "# not a comment"},
           {"zażółć 🔥", "zażółć 🔥"},
       }) {
    const Modelfile read = parse_modelfile("FROM x\nSYSTEM " + written + "\nLICENSE after");
    EXPECT_EQ(read.system, value) << written;
    EXPECT_EQ(read.licences, std::vector<std::string>{"after"}) << written;
    expect_round_trip(read);
  }
}

TEST(ModelfileTest, LinesEndAsTheyLike) {
  const Modelfile read = parse_modelfile(
      "\xEF\xBB\xBF\r\n  # comment\r\nfrom x\r\n\tSYSTEM \"\"\"a\r\nb\r\r\n\"\"\"\r\n"
      "TEMPLATE t\rt\r\n#");
  EXPECT_EQ(read.from, "x");
  EXPECT_EQ(read.system, "a\nb\n");
  EXPECT_EQ(read.template_text, "t\rt");
  expect_round_trip(read);
}

TEST(ModelfileTest, TheLastSystemAndTemplateHold) {
  const Modelfile read = parse_modelfile("FROM x\nSYSTEM a\nSYSTEM b\nTEMPLATE c\nTEMPLATE d");
  EXPECT_EQ(read.system, "b");
  EXPECT_EQ(read.template_text, "d");
}

TEST(ModelfileTest, MistakesAreToldWithTheirLine) {
  struct Case {
    std::string text, words;
  };
  for (const auto& [text, words] : std::vector<Case>{
           {"", "no FROM"},
           {"# only this", "no FROM"},
           {"SYSTEM x", "no FROM"},
           {"FROM", "line 1: FROM needs a value"},
           {"FROM \n x", "line 1: FROM needs a value"},
           {"FROM \"\"", "line 1: FROM is empty"},
           {"FROM \"a\nb\"", "line 1: FROM is more than one line"},
           {"FROM a\nFROM b", "line 2: a second FROM"},
           {"FROM a\n\nNONSENSE x", "line 3: no instruction 'nonsense'"},
           {"FROM a\n{\"model\": 1}", "line 2: no instruction"},
           {"FROM a\nSYSTEM \"\"\"x\ny", "line 2: the value of SYSTEM begins with \"\"\""},
           {"FROM a\nSYSTEM \"x\n\ny", "line 2: the value of SYSTEM begins with \" "},
           {"FROM a\nSYSTEM \"\"\"x\n\"\"\" y\nSYSTEM \"", "line 2: the value of SYSTEM"},
           {"FROM a\nPARAMETER", "line 2: wanted the name"},
           {"FROM a\nPARAMETER top_k", "line 2: PARAMETER needs a value"},
           {"FROM a\nPARAMETER topk 1", "line 2: no parameter 'topk'; there are num_ctx"},
           {"FROM a\nPARAMETER Top_k 1", "line 2: no parameter 'Top_k'"},
           {"FROM a\n\"\"\"x\n\n\"\"\"\nPARAMETER top_k x", "line 2: no instruction"},
           {"FROM a\nSYSTEM \"\"\"x\n\n\"\"\"\nPARAMETER top_k x", "line 5: top_k is 'x'"},
           {"FROM a\nMESSAGE", "line 2: wanted the role"},
           {"FROM a\nMESSAGE tool x", "line 2: a MESSAGE of 'tool'"},
           {"FROM a\nMESSAGE user", "line 2: MESSAGE needs a value"},
           {"FROM a\nSYSTEM \xff", "line 2: it is not UTF-8"},
           {"FROM a\nSYSTEM x\nSYSTEM a\xc3", "line 3: it is not UTF-8"},
           {std::string("\xff\xfe") + std::string("F\0R\0", 4), "line 1: it is not UTF-8"},
           {std::string("FROM a\n\0", 8), "line 2: it is not UTF-8"},
           {std::string(kModelfileBytesMax + 1, '#'), "1048577 bytes"},
       }) {
    const Error refused = refusal(text);
    EXPECT_EQ(refused.code(), ErrorCode::kInvalidArgument) << text.substr(0, 80);
    EXPECT_NE(refused.message().find(words), std::string::npos) << text.substr(0, 80) << "\n"
                                                                << refused.message();
  }
}

TEST(ModelfileTest, InstructionsOfOllamasAreRefusedByName) {
  for (const std::string name : {"ADAPTER", "Adapter", "RENDERER", "PARSER", "DRAFT", "REQUIRES"}) {
    const Error refused = refusal("FROM a\n" + name + " ./lora.gguf");
    EXPECT_EQ(refused.code(), ErrorCode::kUnsupported) << name;
    EXPECT_TRUE(refused.message().starts_with("Modelfile, line 2: ")) << refused.message();
  }
}

TEST(ModelfileTest, ParametersHaveRanges) {
  struct Case {
    std::string name;
    std::vector<std::string> good, bad;
  };
  const std::vector<std::string> probabilities = {"0", "1", "0.5", "1e-3", ".25"};
  const std::vector<std::string> not_probabilities = {"-0.1", "1.01", "x", "nan", "0.5x", "0,5"};
  const std::vector<std::string> penalties = {"-100", "100", "0.5"};
  const std::vector<std::string> not_penalties = {"-100.1", "101", "inf", "high"};
  for (const auto& [name, good, bad] : std::vector<Case>{
           {"num_ctx", {"1", "131072"}, {"0", "-1", "4k", "4096.0", "2147483648"}},
           {"num_predict", {"-2", "-1", "0", "128"}, {"-3", "1.5"}},
           {"num_keep", {"-1", "0", "24"}, {"-2"}},
           {"seed", {"0", "-1", "9223372036854775807"}, {"9223372036854775808", "1.0", "x"}},
           {"temperature", {"0", "0.7", "100"}, {"-0.1", "100.5", "warm", "nan", "1e400"}},
           {"top_k", {"-1", "0", "40"}, {"-2", "40.0", "+1", "0x10"}},
           {"top_p", probabilities, not_probabilities},
           {"min_p", probabilities, not_probabilities},
           {"typical_p", probabilities, not_probabilities},
           {"repeat_penalty", {"0.01", "1.1", "100"}, {"0", "-1", "100.1"}},
           {"repeat_last_n", {"-1", "0", "64"}, {"-2", "6.4"}},
           {"presence_penalty", penalties, not_penalties},
           {"frequency_penalty", penalties, not_penalties},
           {"stop", {"x", "\" \"", "1"}, {"\"\""}},
           {"use_mmap", {"true", "maybe"}, {}},
       }) {
    const std::string line = "FROM a\nPARAMETER " + name + " ";
    for (const std::string& value : good) expect_round_trip(parse_modelfile(line + value));
    for (const std::string& value : bad) {
      const Error refused = refusal(line + value);
      EXPECT_EQ(refused.code(), ErrorCode::kInvalidArgument) << name << " " << value;
      EXPECT_NE(refused.message().find("line 2: " + name), std::string::npos) << refused.message();
    }
  }
  EXPECT_NE(refusal("FROM a\nPARAMETER top_p 2").message().find("a number from 0 to 1"),
            std::string::npos);
  EXPECT_NE(refusal("FROM a\nPARAMETER top_k x").message().find("a whole number, at least -1"),
            std::string::npos);
}

TEST(ModelfileTest, EveryParameterIsKnownByItsName) {
  ASSERT_GE(parameter_rules().size(), 30u);
  for (const ParameterRule& rule : parameter_rules()) {
    EXPECT_EQ(find_parameter_rule(rule.name), &rule) << rule.name;
    EXPECT_EQ(rule.minimum < rule.maximum,
              rule.kind == ParameterKind::kInteger || rule.kind == ParameterKind::kNumber);
  }
  EXPECT_EQ(find_parameter_rule(""), nullptr);
  EXPECT_EQ(find_parameter_rule("top"), nullptr);
}

TEST(ModelfileTest, TextThatNoQuotesHoldIsRefused) {
  Modelfile modelfile;
  modelfile.from = "x";
  modelfile.system = "a\"\"\" \nb";
  EXPECT_THROW(to_text(modelfile), Error);
  modelfile.system = "\"\"\"\n";
  EXPECT_THROW(to_text(modelfile), Error);
  for (const char* fine : {"\"\"\"", "\n\"\"\"", "a\"\"\"b\n", "\"\"\n", "\"\n\""}) {
    modelfile.system = fine;
    expect_round_trip(modelfile);
  }
}

TEST(ModelfileTest, ManyLinesTakeLinearTime) {
  std::string text = "FROM a\n";
  while (text.size() < kModelfileBytesMax - 32) text += "PARAMETER stop x\n";
  EXPECT_GT(parse_modelfile(text).parameters.size(), 60'000u);
  std::string open = "FROM a\nSYSTEM \"";
  while (open.size() < kModelfileBytesMax - 8) open += "\n \"x";
  EXPECT_EQ(refusal(open).code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace hearth
