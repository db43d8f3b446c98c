#include "store/model_recipe.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hearth {
namespace {

using Texts = std::vector<std::string>;

Modelfile mario() {
  return parse_modelfile(
      "FROM x\nTEMPLATE {{ .Prompt }}\nSYSTEM You are \"Mario\".\nPARAMETER temperature 0.5\n"
      "PARAMETER stop a\nPARAMETER stop \"\"\"b\nc\"\"\"\nPARAMETER seed 7\nPARAMETER numa true\n"
      "MESSAGE user Hi\nMESSAGE assistant It is me\nLICENSE one\nLICENSE two\n");
}

std::string text_of(const Modelfile& recipe, LayerRole role) {
  std::string text;
  for (const RecipeLayer& layer : recipe_layers(recipe)) {
    if (layer.role == role) text += "[" + layer.text + "]";
  }
  return text;
}

// Parameters come back in the order of their names.
Modelfile sorted(Modelfile recipe) {
  std::ranges::stable_sort(recipe.parameters, {}, &ModelfileParameter::name);
  recipe.from.clear();
  return recipe;
}

TEST(ModelRecipe, ItsLayersReadBackAsItIs) {
  EXPECT_EQ(sorted(read_recipe(recipe_layers(mario()))), sorted(mario()));
  EXPECT_EQ(text_of(mario(), LayerRole::kParameters),
            R"([{"numa":"true","seed":7,"stop":["a","b\nc"],"temperature":0.5}])");
  EXPECT_EQ(text_of(mario(), LayerRole::kMessages),
            R"([[{"content":"Hi","role":"user"},{"content":"It is me","role":"assistant"}]])");
  EXPECT_EQ(text_of(mario(), LayerRole::kLicence), "[one][two]");
  EXPECT_TRUE(recipe_layers(parse_modelfile("FROM x\nSYSTEM \"\"\n")).empty());
}

TEST(ModelRecipe, WhatARegistryHoldsMayBeAnything) {
  const RecipeLayer layers[] = {
      {LayerRole::kParameters,
       R"({"stop":["a",7,["b"]],"temperature":"hot","colour":1,"top_k":3,"seed":{},"min_p":null})"},
      {LayerRole::kMessages,
       R"([{"role":"king","content":"a"},7,{"role":"user"},{"role":"user","content":"b"}])"},
  };
  const Modelfile read = read_recipe(layers);
  EXPECT_EQ(read.parameters, (std::vector<ModelfileParameter>{
                                 {"stop", "a"}, {"stop", "7"}, {"top_k", std::int64_t{3}}}));
  EXPECT_EQ(read.messages, (std::vector<ModelfileMessage>{{"user", "b"}}));
  for (const char* broken : {"", "{", "[]", "7", "[[[[", "null", "\xff"}) {
    for (const LayerRole role : {LayerRole::kParameters, LayerRole::kMessages}) {
      const RecipeLayer layer[] = {{role, broken}};
      EXPECT_EQ(read_recipe(layer), Modelfile()) << broken;
    }
  }
}

// Deeper than any stack, which is no reason to use one.
TEST(ModelRecipe, WhatIsNestedDeeplyIsPassedOver) {
  const std::string nested = std::string(500'000, '[') + std::string(500'000, ']');
  const std::string parameters = R"({"top_k": 3, "x": {"a": )" + nested + "}}";
  const std::string messages = R"([{"role": )" + nested +
                               R"(, "content": "a"}, {"role": "user", "content": )" + nested +
                               R"(}, {"role": "user", "content": "b"}])";
  const RecipeLayer layers[] = {{LayerRole::kParameters, parameters},
                                {LayerRole::kMessages, messages}};
  const Modelfile read = read_recipe(layers);
  EXPECT_EQ(read.parameters, (std::vector<ModelfileParameter>{{"top_k", std::int64_t{3}}}));
  EXPECT_EQ(read.messages, (std::vector<ModelfileMessage>{{"user", "b"}}));
}

TEST(ModelRecipe, WhatIsSaidAgainReplacesWhatWasSaid) {
  const Modelfile none = merged_recipe(mario(), parse_modelfile("FROM y\n"));
  EXPECT_EQ(none, mario());
  const Modelfile some = merged_recipe(
      mario(), parse_modelfile("FROM y\nSYSTEM Be brief.\nTEMPLATE \"\"\nPARAMETER stop z\n"
                               "MESSAGE user Ho\nLICENSE two\nLICENSE three\n"));
  EXPECT_EQ(some.system, "Be brief.");
  EXPECT_FALSE(some.template_text);
  EXPECT_EQ(some.parameters,
            (std::vector<ModelfileParameter>{
                {"temperature", 0.5}, {"seed", std::int64_t{7}}, {"numa", "true"}, {"stop", "z"}}));
  EXPECT_EQ(some.messages, (std::vector<ModelfileMessage>{{"user", "Ho"}}));
  EXPECT_EQ(some.licences, (Texts{"one", "two", "three"}));
}

}  // namespace
}  // namespace hearth
