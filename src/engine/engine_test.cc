// Engine on tiny models: what a request gets does not depend on company, chunks, the cache or
// preemption; every way in and out of it; what throws harms nobody else.
#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "base/error.h"
#include "base/random.h"

namespace hearth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kLlama = "llama_mha_tied.gguf";
constexpr const char* kWindows = "gemma3_window.gguf";  // window of 16: drops blocks on the way

struct Loaded {
  explicit Loaded(const std::string& name, const std::string& isa = "")
      : file(Gguf::open(std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/tiny" / name)),
        device(make_device({isa, 1})),
        model(load_model(file, *device, {})) {}

  Engine engine(std::size_t context, std::size_t rows_per_step = 512) const {
    return Engine(*model, *device,
                  {.context = context, .cache_bytes = 0, .rows_per_step = rows_per_step});
  }

  Gguf file;
  std::unique_ptr<Device> device;
  std::unique_ptr<Model> model;
};

std::vector<TokenId> prompt_of(std::uint64_t seed, std::size_t tokens) {
  Random random(seed);
  std::vector<TokenId> prompt;
  for (std::size_t i = 0; i < tokens; ++i)
    prompt.push_back(static_cast<TokenId>(random.next() % 50));
  return prompt;
}

Request request_of(std::uint64_t seed, std::size_t tokens, std::size_t max_tokens) {
  Request request;
  request.prompt = prompt_of(seed, tokens);
  request.sampling.seed = seed;
  request.max_tokens = max_tokens;
  return request;
}

// What a request was given. Outlives the request.
struct Result {
  std::vector<TokenId> tokens;
  std::vector<FinishReason> ends;  // one, when all is well
  std::vector<std::size_t> positions;
  std::vector<std::vector<float>> logits;

  void listen(Request& request) {
    request.on_token = [this](TokenId token) {
      tokens.push_back(token);
      return true;
    };
    request.on_finish = [this](FinishReason reason) { ends.push_back(reason); };
  }
  void listen_to_logits(Request& request) {
    request.on_logits = [this](std::size_t position, std::span<const float> row) {
      positions.push_back(position);
      logits.emplace_back(row.begin(), row.end());
    };
  }
};

Result alone(const Loaded& loaded, Request request) {
  Engine engine = loaded.engine(256);
  Result result;
  result.listen(request);
  engine.submit(std::move(request));
  engine.run();
  return result;
}

// The message of the kInvalidArgument or kResourceExhausted that submit throws.
std::string refusal(Engine& engine, Request request, ErrorCode code) {
  try {
    engine.submit(std::move(request));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_TRUE(engine.idle());
    return error.what();
  }
  ADD_FAILURE() << "not refused";
  return "";
}

TEST(Engine, RefusesWhatItCannotRun) {
  const Loaded loaded(kLlama);
  Engine engine = loaded.engine(64);
  const auto vocabulary = static_cast<TokenId>(loaded.model->config().vocabulary);
  const auto invalid = ErrorCode::kInvalidArgument;
  EXPECT_THAT(refusal(engine, Request{}, invalid), HasSubstr("no tokens"));
  Request request = request_of(1, 3, 5);
  request.prompt[1] = -1;
  EXPECT_THAT(refusal(engine, request, invalid), HasSubstr("-1"));
  request.prompt[1] = vocabulary;
  EXPECT_THAT(refusal(engine, request, invalid), HasSubstr(std::to_string(vocabulary)));
  request = request_of(1, 3, 5);
  request.sampling.top_p = 2;
  EXPECT_THAT(refusal(engine, request, invalid), HasSubstr("top_p"));
  request = request_of(1, 3, 5);
  request.sampling.logit_bias = {{vocabulary, 1.0f}};
  EXPECT_THAT(refusal(engine, request, invalid), HasSubstr("logit_bias"));
}

TEST(Engine, RefusesAPromptThatLeavesNoRoomToAnswer) {
  const Loaded loaded(kLlama);
  Engine engine = loaded.engine(64);
  const std::string text =
      refusal(engine, request_of(1, 64, SIZE_MAX), ErrorCode::kResourceExhausted);
  EXPECT_THAT(text, HasSubstr("64 tokens"));
  EXPECT_THAT(text, HasSubstr("holds 64"));
  refusal(engine, request_of(1, 65, 0), ErrorCode::kResourceExhausted);

  Result full, last;
  Request request = request_of(1, 64, 0);
  full.listen(request);
  engine.submit(request);
  request = request_of(1, 63, SIZE_MAX);
  last.listen(request);
  engine.submit(request);
  engine.run();
  EXPECT_THAT(full.ends, ElementsAre(FinishReason::kLength));
  EXPECT_THAT(last.ends, ElementsAre(FinishReason::kLength));
  EXPECT_EQ(last.tokens.size(), 1u) << "the context is full after it";
}

// The same limits when memory, not the caller, sets the context.
TEST(Engine, TakesNoMoreMemoryThanItMay) {
  const Loaded loaded(kLlama);
  const std::size_t block = loaded.device->cache_block_bytes(loaded.model->cache_shapes()[0]);
  Engine engine(*loaded.model, *loaded.device, {.context = 1000, .cache_bytes = 3 * block});
  EXPECT_EQ(engine.context(), 96u);
  engine.submit(request_of(1, 96, 0));
  engine.submit(request_of(1, 95, SIZE_MAX));
  engine.run();
  EXPECT_TRUE(engine.idle());
  try {
    Engine none(*loaded.model, *loaded.device, {.cache_bytes = block});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    EXPECT_THAT(error.what(), HasSubstr("at least " + std::to_string(2 * block >> 10) + " KiB"));
  }
}

TEST(Engine, RefusesAContextBeyondAllBounds) {
  const Loaded loaded(kLlama);
  EXPECT_THROW(loaded.engine(SIZE_MAX), Error);
  EXPECT_THROW(loaded.engine((std::size_t{1} << 27) + 1), Error);
}

TEST(Engine, MaxTokensIsKept) {
  const Loaded loaded(kLlama);
  for (const std::size_t max_tokens : {0u, 1u, 2u, 7u}) {
    const Result result = alone(loaded, request_of(1, 5, max_tokens));
    EXPECT_EQ(result.tokens.size(), max_tokens);
    EXPECT_THAT(result.ends, ElementsAre(FinishReason::kLength));
  }
}

TEST(Engine, WithoutMaxTokensItEndsWithTheContext) {
  const Loaded loaded(kLlama);
  const Result result = alone(loaded, request_of(1, 5, SIZE_MAX));
  EXPECT_EQ(result.tokens.size(), 251u);
  EXPECT_THAT(result.ends, ElementsAre(FinishReason::kLength));
}

TEST(Engine, StopsWhenTheCallerSaysSo) {
  const Loaded loaded(kLlama);
  const Result whole = alone(loaded, request_of(1, 5, 20));
  Engine engine = loaded.engine(256);
  Result result;
  Request request = request_of(1, 5, 20);
  result.listen(request);
  request.on_token = [&](TokenId token) {
    result.tokens.push_back(token);
    return result.tokens.size() < 6;
  };
  engine.submit(request);
  engine.run();
  EXPECT_THAT(result.ends, ElementsAre(FinishReason::kStop));
  EXPECT_EQ(result.tokens, std::vector(whole.tokens.begin(), whole.tokens.begin() + 6));
  EXPECT_FALSE(engine.step()) << "nothing is left to do";
}

TEST(Engine, WorksWithoutCallbacks) {
  const Loaded loaded(kLlama);
  Engine engine = loaded.engine(64);
  engine.submit(request_of(1, 5, 3));
  engine.run();
  EXPECT_EQ(engine.counters().rows, 7u) << "5 of the prompt, 2 of its 3 answers";
  EXPECT_EQ(engine.counters().steps, 3u);
}

// A company of five: long and short, greedy and sampled, with and without logits; 20 rows a step.
std::vector<Request> company() {
  std::vector<Request> requests;
  for (const auto& [seed, tokens, max_tokens] :
       {std::tuple{1u, 3u, 60u}, {2u, 70u, 5u}, {3u, 1u, 40u}, {4u, 40u, 0u}, {5u, 33u, 30u}}) {
    requests.push_back(request_of(seed, tokens, max_tokens));
  }
  requests[2].sampling.temperature = 0;
  requests[4].sampling.repeat_penalty = 1.3f;
  return requests;
}

TEST(Engine, CompanyChangesNothing) {
  for (const char* isa : {"", "reference"}) {
    for (const char* name : {kLlama, kWindows}) {
      SCOPED_TRACE(std::string(isa) + " " + name);
      const Loaded loaded(name, isa);
      Engine engine = loaded.engine(512, 20);
      std::vector<Request> requests = company();
      std::vector<Result> results(requests.size());
      for (std::size_t i = 0; i < requests.size(); ++i) {
        Request request = requests[i];
        results[i].listen(request);
        if (i % 2 == 1) results[i].listen_to_logits(request);
        engine.submit(std::move(request));
        engine.step();
      }
      engine.run();
      for (std::size_t i = 0; i < requests.size(); ++i) {
        EXPECT_EQ(results[i].tokens, alone(loaded, requests[i]).tokens) << "request " << i;
        EXPECT_THAT(results[i].ends, ElementsAre(FinishReason::kLength));
      }
      EXPECT_EQ(results[1].positions.size(), 70u + 4u);
    }
  }
}

// 5 blocks; three sequences that want 4 each in the end.
TEST(Engine, PreemptionChangesNothing) {
  for (const char* isa : {"", "reference"}) {
    for (const char* name : {kLlama, kWindows}) {
      for (const bool reuse : {true, false}) {
        SCOPED_TRACE(std::string(isa) + " " + name + (reuse ? " reuse" : ""));
        const Loaded loaded(name, isa);
        Engine engine = loaded.engine(128, 24);
        std::vector<Result> results(3);
        for (std::size_t i = 0; i < 3; ++i) {
          Request request = request_of(i + 1, 10 + 9 * i, 90);
          request.reuse_prefix = reuse;
          results[i].listen(request);
          results[i].listen_to_logits(request);
          engine.submit(std::move(request));
        }
        engine.run();
        std::size_t rows_alone = 0;
        for (std::size_t i = 0; i < 3; ++i) {
          const std::size_t prompt = 10 + 9 * i;
          rows_alone += prompt + 89;
          EXPECT_EQ(results[i].tokens, alone(loaded, request_of(i + 1, prompt, 90)).tokens);
          std::vector<std::size_t> once_each(prompt + 89);
          for (std::size_t p = 0; p < once_each.size(); ++p) once_each[p] = p;
          EXPECT_EQ(results[i].positions, once_each) << "request " << i;
        }
        EXPECT_GT(engine.counters().rows, rows_alone) << "nobody was preempted";
        EXPECT_EQ(engine.counters().cached_rows, 0u) << "finding one's own rows is no gain";
      }
    }
  }
}

TEST(Engine, FindsAPrefixInTheCache) {
  for (const char* name : {kLlama, kWindows}) {
    const Loaded loaded(name);
    Engine engine = loaded.engine(256);
    Result first, second;
    for (Result* result : {&first, &second}) {
      Request request = request_of(1, 70, 10);
      result->listen(request);
      engine.submit(std::move(request));
      engine.run();
    }
    EXPECT_EQ(first.tokens, second.tokens);
    EXPECT_EQ(engine.counters().cached_rows, 64u);
    EXPECT_EQ(engine.counters().rows, 79u + 15u);
  }
}

TEST(Engine, CancelsRunningAndWaiting) {
  const Loaded loaded(kLlama);
  Engine engine = loaded.engine(64);  // 3 blocks
  CancelToken first, second;
  Result a, b, c;
  Request request = request_of(1, 40, 20);
  request.cancel = &first;
  a.listen(request);
  engine.submit(request);
  request = request_of(2, 40, 20);  // waits for a's blocks
  request.cancel = &second;
  b.listen(request);
  engine.submit(request);
  request = request_of(3, 5, 20);
  c.listen(request);
  engine.submit(request);
  engine.step();
  engine.step();
  EXPECT_EQ(a.tokens.size(), 2u);
  second.cancel();
  engine.step();
  EXPECT_THAT(b.ends, ElementsAre(FinishReason::kCancelled));
  EXPECT_TRUE(b.tokens.empty());
  first.cancel();
  const std::size_t given = a.tokens.size();
  engine.run();
  EXPECT_THAT(a.ends, ElementsAre(FinishReason::kCancelled));
  EXPECT_EQ(a.tokens.size(), given) << "at once";
  EXPECT_EQ(c.tokens, alone(loaded, request_of(3, 5, 20)).tokens);
}

TEST(Engine, CancelledBeforeItsFirstStep) {
  const Loaded loaded(kLlama);
  Engine engine = loaded.engine(64);
  CancelToken cancel;
  Result result;
  Request request = request_of(1, 5, 5);
  request.cancel = &cancel;
  result.listen(request);
  engine.submit(request);
  cancel.cancel();
  EXPECT_FALSE(engine.step());
  EXPECT_THAT(result.ends, ElementsAre(FinishReason::kCancelled));
  EXPECT_EQ(engine.counters().rows, 0u);
}

TEST(Engine, CallbacksMaySubmit) {
  const Loaded loaded(kLlama);
  Engine engine = loaded.engine(256);
  Result first, from_token, from_finish;
  Request request = request_of(1, 5, 6);
  Request inner = request_of(2, 6, 7);
  Request last = request_of(3, 7, 8);
  first.listen(request);
  from_token.listen(inner);
  from_finish.listen(last);
  request.on_token = [&](TokenId token) {
    first.tokens.push_back(token);
    if (first.tokens.size() == 2) engine.submit(inner);
    return true;
  };
  request.on_finish = [&](FinishReason reason) {
    first.ends.push_back(reason);
    engine.submit(last);
  };
  engine.submit(request);
  engine.run();
  EXPECT_EQ(first.tokens, alone(loaded, request_of(1, 5, 6)).tokens);
  EXPECT_EQ(from_token.tokens, alone(loaded, request_of(2, 6, 7)).tokens);
  EXPECT_EQ(from_finish.tokens, alone(loaded, request_of(3, 7, 8)).tokens);
}

TEST(Engine, TwoEnginesOfOneModelDoNotMeet) {
  const Loaded loaded(kWindows);
  Engine one = loaded.engine(128);
  Engine two = loaded.engine(256, 16);
  Result first, second;
  Request request = request_of(1, 50, 40);
  first.listen(request);
  one.submit(request);
  request = request_of(2, 70, 60);
  second.listen(request);
  two.submit(request);
  for (bool more = true; more;) {
    const bool one_ran = one.step();
    const bool two_ran = two.step();
    more = one_ran || two_ran;
  }
  EXPECT_EQ(first.tokens, alone(loaded, request_of(1, 50, 40)).tokens);
  EXPECT_EQ(second.tokens, alone(loaded, request_of(2, 70, 60)).tokens);
}

// The caller's stack is gone when the exception has passed it: nothing may call it back afterwards.
TEST(Engine, AThrowingCallbackEndsItsOwnRequestOnly) {
  const Loaded loaded(kLlama);
  Engine engine = loaded.engine(256);
  Result before, broken, after;
  Request request = request_of(1, 5, 20);
  before.listen(request);
  engine.submit(request);
  request = request_of(2, 5, 20);
  broken.listen(request);
  request.on_token = [&](TokenId token) -> bool {
    broken.tokens.push_back(token);
    if (broken.tokens.size() == 3) throw std::runtime_error("the terminal is gone");
    return true;
  };
  engine.submit(request);
  request = request_of(3, 5, 20);
  after.listen(request);
  engine.submit(request);
  EXPECT_THROW(engine.run(), std::runtime_error);
  engine.run();
  EXPECT_EQ(broken.tokens.size(), 3u);
  EXPECT_TRUE(broken.ends.empty());
  EXPECT_EQ(before.tokens, alone(loaded, request_of(1, 5, 20)).tokens);
  EXPECT_EQ(after.tokens, alone(loaded, request_of(3, 5, 20)).tokens);
}

TEST(Engine, WhatCannotBeSampledEndsItsOwnRequestOnly) {
  const Loaded loaded(kLlama);
  Engine engine = loaded.engine(256);
  Result banned;
  Request request = request_of(1, 5, 20);
  for (std::size_t id = 0; id < loaded.model->config().vocabulary; ++id) {
    request.sampling.logit_bias.emplace_back(static_cast<TokenId>(id),
                                             -std::numeric_limits<float>::infinity());
  }
  banned.listen(request);
  engine.submit(request);
  EXPECT_THROW(engine.run(), Error);
  EXPECT_TRUE(engine.idle());
  EXPECT_FALSE(engine.step());
  EXPECT_TRUE(banned.ends.empty());
}

// The tiny model, but a pass may fail when its operations are queued already.
class FailingModel final : public Model {
 public:
  explicit FailingModel(const Model& inner) : Model(inner.config()), inner_(inner) {
    cache_shapes_.assign(inner.cache_shapes().begin(), inner.cache_shapes().end());
  }
  void forward(Forward& forward) const override {
    inner_.forward(forward);
    if (fails) throw Error(ErrorCode::kResourceExhausted, "no memory");
  }
  bool fails = false;

 private:
  const Model& inner_;
};

TEST(Engine, AFailedPassLeavesNothingBehind) {
  for (const char* isa : {"", "reference"}) {
    const Loaded loaded(kLlama, isa);
    FailingModel model(*loaded.model);
    Engine engine(model, *loaded.device, {.context = 256});
    model.fails = true;
    Result failed, next;
    Request request = request_of(1, 200, 5);
    failed.listen(request);
    engine.submit(request);
    EXPECT_THROW(engine.run(), Error);
    EXPECT_TRUE(engine.idle());
    EXPECT_TRUE(failed.ends.empty());
    model.fails = false;
    request = request_of(2, 3, 5);
    next.listen(request);
    engine.submit(request);
    engine.run();
    EXPECT_EQ(next.tokens, alone(loaded, request_of(2, 3, 5)).tokens);
    EXPECT_EQ(engine.counters().cached_rows, 0u);
  }
}

TEST(Engine, TellsWhatWasCachedOnceAndFirst) {
  const Loaded loaded(kLlama);
  Engine engine = loaded.engine(256, 16);
  std::vector<std::string> events;
  for (const char* expected : {"cached 0", "cached 64"}) {
    events.clear();
    Request request = request_of(7, 70, 2);
    request.on_cached = [&](std::size_t tokens) {
      events.push_back("cached " + std::to_string(tokens));
    };
    request.on_prompt = [&](std::size_t) { events.emplace_back("prompt"); };
    engine.submit(std::move(request));
    engine.run();
    ASSERT_GE(events.size(), 2u);
    EXPECT_EQ(events[0], expected);
    EXPECT_EQ(std::count(events.begin(), events.end(), events[0]), 1);
  }
}

TEST(Engine, TellsARequestOfItsOwnError) {
  const Loaded loaded(kLlama);
  Engine engine = loaded.engine(256);
  Request bad = request_of(1, 5, 5);
  bad.on_token = [](TokenId) -> bool { throw Error(ErrorCode::kUnavailable, "mine"); };
  std::vector<std::string> errors;
  bad.on_error = [&](const Error& error) { errors.emplace_back(error.what()); };
  Result good;
  Request other = request_of(2, 5, 5);
  good.listen(other);
  engine.submit(std::move(bad));
  engine.submit(std::move(other));
  engine.run();
  EXPECT_THAT(errors, ElementsAre("mine"));
  EXPECT_EQ(good.tokens.size(), 5u);
  EXPECT_TRUE(engine.idle());
}

// What it throws between two of its rows must not give the next sequence another row's logits.
TEST(Engine, AFailedCallbackChangesNobodyElsesAnswer) {
  const Loaded loaded(kLlama);
  const auto answer_beside = [&](bool fails) {
    Engine engine = loaded.engine(256);
    Request bad = request_of(1, 5, 5);
    bad.on_logits = [&](std::size_t position, std::span<const float>) {
      if (fails && position == 1) throw std::runtime_error("mine");
    };
    std::string error;
    bad.on_error = [&](const Error& told) { error = told.message(); };
    Result good;
    Request other = request_of(2, 5, 5);
    good.listen(other);
    engine.submit(std::move(bad));
    engine.submit(std::move(other));
    engine.run();
    EXPECT_EQ(error, fails ? "mine" : "");
    return good.tokens;
  };
  const auto alone = answer_beside(false);
  EXPECT_EQ(alone.size(), 5u);
  EXPECT_EQ(answer_beside(true), alone);
}

TEST(Engine, LogprobsAreOfTheChosenTokens) {
  const Loaded loaded(kLlama);
  Engine engine = loaded.engine(256);
  Result result;
  Request request = request_of(3, 9, 6);
  request.sampling.temperature = 0;
  result.listen(request);
  std::vector<TokenLogprobs> logprobs;
  request.top_logprobs = 2;
  request.on_logprobs = [&](const TokenLogprobs& of) { logprobs.push_back(of); };
  engine.submit(std::move(request));
  engine.run();
  ASSERT_EQ(logprobs.size(), result.tokens.size());
  for (std::size_t i = 0; i < logprobs.size(); ++i) {
    EXPECT_EQ(logprobs[i].top.at(0).first, result.tokens[i]) << "greedy takes the likeliest";
    EXPECT_EQ(logprobs[i].top[0].second, logprobs[i].logprob);
    EXPECT_GE(logprobs[i].logprob, logprobs[i].top.at(1).second);
  }
}

// Whatever company and chunks they come in; and the head on them gives the logits.
TEST(Engine, HiddenStatesAreTheSameInAnyCompany) {
  const Loaded loaded(kLlama);
  const auto states = [&](std::size_t rows_per_step, bool company) {
    Engine engine = loaded.engine(256, rows_per_step);
    std::vector<std::vector<float>> all;
    Request request = request_of(5, 40, 0);
    request.reuse_prefix = false;
    request.on_hidden = [&](std::size_t position, std::span<const float> state) {
      EXPECT_EQ(position, all.size());
      all.emplace_back(state.begin(), state.end());
    };
    Result result;
    Request other = request_of(6, 30, 10);
    result.listen(other);
    if (company) engine.submit(std::move(other));
    engine.submit(std::move(request));
    engine.run();
    return all;
  };
  const auto whole = states(512, false);
  ASSERT_EQ(whole.size(), 40u);
  EXPECT_EQ(whole[0].size(), loaded.model->config().model);
  EXPECT_EQ(states(7, false), whole);
  EXPECT_EQ(states(16, true), whole);
  EXPECT_NE(whole[3], whole[4]);
}

}  // namespace
}  // namespace hearth
