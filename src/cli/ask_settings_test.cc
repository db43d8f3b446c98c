#include "cli/ask_settings.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;
using Texts = std::vector<std::string>;

TEST(AskSettings, AModelsParametersHoldWhereThePersonSaysNothing) {
  const Parameters parameters = {{"temperature", "0"}, {"top_k", "3"}, {"num_predict", "7"},
                                 {"seed", "5"},        {"stop", "a"},  {"stop", "b"},
                                 {"min_p", "many"},    {"colour", "1"}};
  AskSettings settings;
  set_by_name(settings, "top-k", "9");
  follow_parameters(parameters, Texts{"top-k"}, settings);
  EXPECT_EQ(settings.options.sampling.temperature, 0);
  EXPECT_EQ(settings.options.sampling.top_k, 9);
  EXPECT_EQ(settings.options.sampling.min_p, SamplingOptions().min_p);
  EXPECT_EQ(settings.options.max_tokens, 7u);
  EXPECT_EQ(settings.seed, 5u);
  EXPECT_EQ(settings.options.stop, (Texts{"a", "b"}));

  AskSettings stops;
  stops.options.stop = {"mine"};
  follow_parameters(parameters, {}, stops);
  EXPECT_EQ(stops.options.stop, Texts{"mine"});

  AskSettings open;
  follow_parameters(Parameters{{"num_predict", "-1"}, {"seed", "-1"}}, {}, open);
  EXPECT_EQ(open.options.max_tokens, SIZE_MAX);
  EXPECT_FALSE(open.seed);
}

}  // namespace
}  // namespace hearth
