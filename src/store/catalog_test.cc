#include "store/catalog.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"

namespace hearth {
namespace {

TEST(Catalog, TheEmbeddedOneIsSound) {
  const Catalog catalog = Catalog::embedded();
  std::set<std::string> references;
  std::set<std::string> defaults;
  for (const CatalogModel& model : catalog.models()) {
    EXPECT_TRUE(references.insert(model.reference()).second) << model.reference() << " twice";
    if (model.is_default) {
      EXPECT_TRUE(defaults.insert(model.name).second) << model.name << " has two defaults";
    }
    EXPECT_GT(model.bytes, 0u) << model.reference();
    EXPECT_GT(model.memory_bytes, model.bytes) << model.reference();
    EXPECT_FALSE(model.licence.empty()) << model.reference();
  }
  const CatalogModel* model = catalog.find(ModelRef::parse("smollm2"));
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->reference(), "smollm2:135m");
  EXPECT_EQ(model->digest->hex(),
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");
  EXPECT_EQ(catalog.find(ModelRef::parse("qwen2.5-coder"))->sources.at(0).refs.size(), 22u);
  EXPECT_EQ(catalog.find(ModelRef::parse("gemma3:270m"))->sources.at(0).refs.size(), 4u);
  EXPECT_EQ(catalog.find(ModelRef::parse("smollm2:9b")), nullptr);
  EXPECT_EQ(catalog.find(ModelRef::parse("nothing")), nullptr);
  EXPECT_FALSE(catalog.similar("smolm").empty());
}

TEST(Catalog, WrongEntriesAreNamed) {
  const std::string good = "[[model]]\nname='a'\ntag='b'\nsources=['hf.co/a/b']\n";
  EXPECT_EQ(Catalog::parse(good).models().size(), 1u);
  for (const std::string text :
       {"", "x", "model=1", "model=[1]", "[[model]]\nname='a'\n", "[[model]]\nname=1\ntag='b'\n",
        "[[model]]\nname='a'\ntag='b'\nsources=[]\n",
        "[[model]]\nname='a'\ntag='b'\nsources=['x']\n",
        "[[model]]\nname='a'\ntag='b'\nsources=['./x.gguf']\n",
        "[[model]]\nname='a'\ntag='b'\nsources=[[]]\n",
        "[[model]]\nname='a'\ntag='b'\nsources=[1]\n",
        "[[model]]\nname='a'\ntag='b'\nsources=[[1]]\n",
        "[[model]]\nname='a'\ntag='b'\nsources=[['hf.co/a/b','hf.co/a/c']]\n",
        "[[model]]\nname='A'\ntag='b'\nsources=['hf.co/a/b']\n",
        "[[model]]\nname='../a'\ntag='b'\nsources=['hf.co/a/b']\n"}) {
    EXPECT_THROW(Catalog::parse(text), Error) << text;
  }
  for (const std::string line :
       {"sha256='../x'", "bytes=-1", "bytes='x'", "default=1", "runs='no'", "title=1"}) {
    EXPECT_THROW(Catalog::parse(good + line), Error) << line;
  }
}

}  // namespace
}  // namespace hearth
