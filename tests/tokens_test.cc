// Token ids beside llama.cpp's: 1,000 lines per model, made by scripts/conformance_tokens.py
// --write. The models are not in the repository: HEARTH_TEST_MODEL_<NAME> is the path of each.
// `make test` pulls SmolLM2; the large ones are tested where their variable is set.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "format/gguf.h"
#include "text/tokenizer.h"

namespace hearth {
namespace {

struct Model {
  const char* name;      // tests/data/tokens/<name>.ids
  const char* variable;  // the path of its GGUF
};

std::vector<std::string> read_lines(const std::string& name) {
  std::ifstream file(HEARTH_SOURCE_DIR "/tests/data/tokens/" + name, std::ios::binary);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Ids in base 36, spaces between.
std::vector<TokenId> read_ids(const std::string& line) {
  std::vector<TokenId> ids;
  std::istringstream words(line);
  for (std::string word; words >> word;)
    ids.push_back(static_cast<TokenId>(std::stol(word, nullptr, 36)));
  return ids;
}

std::vector<Model> models_here() {
  std::vector<Model> models{{"smollm2", "HEARTH_TEST_MODEL_SMOLLM2"}};
  for (const Model large :
       {Model{"qwen", "HEARTH_TEST_MODEL_QWEN"}, Model{"gemma3", "HEARTH_TEST_MODEL_GEMMA3"}}) {
    if (std::getenv(large.variable) != nullptr) models.push_back(large);
  }
  return models;
}

class Tokens : public testing::TestWithParam<Model> {};

TEST_P(Tokens, AreLlamaCppsOnAThousandLines) {
  const char* path = std::getenv(GetParam().variable);
  ASSERT_NE(path, nullptr) << GetParam().variable << " is not set (make test pulls the model)";
  const Gguf gguf = Gguf::open(path);
  const auto tokenizer = Tokenizer::load(gguf.metadata());
  const std::vector<std::string> lines = read_lines("lines.txt");
  const std::vector<std::string> expected = read_lines(std::string(GetParam().name) + ".ids");
  ASSERT_EQ(lines.size(), 1000U);
  ASSERT_EQ(expected.size(), lines.size());
  int wrong = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (tokenizer->encode(lines[i], {}) == read_ids(expected[i])) continue;
    ++wrong;
    ADD_FAILURE() << "line " << i + 1 << ": " << lines[i];
  }
  EXPECT_EQ(wrong, 0);
}

INSTANTIATE_TEST_SUITE_P(Models, Tokens, testing::ValuesIn(models_here()),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace hearth
