// Host on tiny models: one load for all who want it, leaving, room for another, refusal; engines
// that take turns.
#include "host/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "base/error.h"

namespace hearth {
namespace {

using testing::HasSubstr;

std::filesystem::path tiny(const std::string& name) {
  return std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/tiny" / (name + ".gguf");
}

HostOptions options_for(std::uint64_t memory_bytes = 0, double keep_alive_seconds = 300) {
  HostOptions options;
  options.load.device.threads = 1;
  options.load.context = 128;
  options.sequences = 4;
  options.memory_bytes = memory_bytes;
  options.keep_alive_seconds = keep_alive_seconds;
  options.find = [](const std::string& name) {
    if (!std::filesystem::exists(tiny(name))) throw Error(ErrorCode::kNotFound, "no " + name);
    return ModelPlace{.name = name, .path = tiny(name), .digest = ""};
  };
  return options;
}

// So many tokens, greedy; what it answers.
std::vector<TokenId> ask(const Host::Lease& model, TokenId first, std::size_t tokens) {
  std::promise<void> done;
  std::vector<TokenId> answer;
  Request request;
  request.prompt = {first, 2, 3};
  request.sampling.temperature = 0;
  request.max_tokens = tokens;
  request.on_token = [&](TokenId id) {
    answer.push_back(id);
    return true;
  };
  request.on_finish = [&](FinishReason) { done.set_value(); };
  request.on_error = [&](const Error&) { done.set_value(); };
  model->engine->post([&](Engine& engine) { engine.submit(std::move(request)); });
  done.get_future().wait();
  return answer;
}

bool gone_soon(const Host& host, std::size_t left) {
  for (int i = 0; i < 300 && host.models().size() > left; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return host.models().size() == left;
}

TEST(Host, LoadsOnceForAllWhoWantIt) {
  std::atomic<int> found = 0;
  HostOptions options = options_for();
  options.find = [&, find = options.find](const std::string& name) {
    ++found;
    return find(name);
  };
  Host host(options);
  std::vector<std::future<Host::Lease>> leases;
  for (int i = 0; i < 8; ++i) {
    leases.push_back(std::async(
        std::launch::async, [&] { return host.acquire("llama_mha_tied", std::nullopt, nullptr); }));
  }
  const Host::Lease first = leases[0].get();
  for (std::size_t i = 1; i < leases.size(); ++i) EXPECT_EQ(leases[i].get(), first);
  EXPECT_EQ(found, 8);
  EXPECT_EQ(host.models().size(), 1u);
}

TEST(Host, AnswersOfTwoModelsTakeTurnsAndDoNotMix) {
  Host host(options_for());
  const Host::Lease a = host.acquire("llama_mha_tied", std::nullopt, nullptr);
  const Host::Lease b = host.acquire("gemma3_window", std::nullopt, nullptr);
  const std::vector<TokenId> of_a = ask(a, 1, 40), of_b = ask(b, 1, 40);
  ASSERT_EQ(of_a.size(), 40u);
  auto again = std::async(std::launch::async, [&] { return ask(a, 1, 40); });
  EXPECT_EQ(ask(b, 1, 40), of_b);
  EXPECT_EQ(again.get(), of_a);
}

TEST(Host, LeavesWhenUnusedForLongEnough) {
  Host host(options_for(0, 0));
  Host::Lease model = host.acquire("llama_mha_tied", std::nullopt, nullptr);
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  EXPECT_EQ(host.models().size(), 1u) << "it is in use";
  model.reset();
  EXPECT_TRUE(gone_soon(host, 0));
  host.acquire("llama_mha_tied", -1, nullptr);
  EXPECT_FALSE(host.models()[0].leaves_in_seconds.has_value());
  host.acquire("llama_mha_tied", std::nullopt, nullptr);
  EXPECT_FALSE(host.models()[0].leaves_in_seconds.has_value()) << "nobody asked for another";
}

TEST(Host, UnloadsAtOnceWhatNobodyUses) {
  Host host(options_for());
  EXPECT_FALSE(host.unload("llama_mha_tied"));
  Host::Lease model = host.acquire("llama_mha_tied", std::nullopt, nullptr);
  EXPECT_TRUE(host.unload("llama_mha_tied"));
  EXPECT_EQ(ask(model, 1, 5).size(), 5u) << "who uses it goes on";
  EXPECT_TRUE(host.models().empty());
  EXPECT_NE(host.acquire("llama_mha_tied", std::nullopt, nullptr), model);
}

// 42,208 bytes and 46,304: with what their caches take, no two.
TEST(Host, TwoModelsAlternateWhereOneFits) {
  constexpr std::uint64_t kMemory = 92000;
  HostOptions options = options_for(kMemory);
  options.room_wait_seconds = 0.02;
  Host host(std::move(options));
  for (int i = 0; i < 6; ++i) {
    const char* const wanted = i % 2 == 0 ? "qwen2_gqa" : "gemma3_window";
    const char* const other = i % 2 == 0 ? "gemma3_window" : "qwen2_gqa";
    const Host::Lease model = host.acquire(wanted, std::nullopt, nullptr);
    EXPECT_EQ(ask(model, 1, 3).size(), 3u);
    EXPECT_EQ(host.models().size(), 1u);
    EXPECT_LE(model->memory_bytes, kMemory);
    try {
      host.acquire(other, std::nullopt, nullptr);
      FAIL() << "the first is in use";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
      EXPECT_THAT(error.what(), HasSubstr("MiB"));
    }
  }
}

TEST(Host, WhoNeedsRoomWaitsForWhoIsAboutToLeave) {
  Host host(options_for(92000));
  Host::Lease first = host.acquire("qwen2_gqa", std::nullopt, nullptr);
  auto second = std::async(std::launch::async,
                           [&] { return host.acquire("gemma3_window", std::nullopt, nullptr); });
  EXPECT_EQ(second.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  first.reset();
  EXPECT_EQ(ask(second.get(), 1, 3).size(), 3u);
}

TEST(Host, AFailedLoadCanBeTriedAgain) {
  Host host(options_for());
  EXPECT_THROW(host.acquire("no_such_model", std::nullopt, nullptr), Error);
  EXPECT_THROW(host.acquire("no_such_model", std::nullopt, nullptr), Error);
  EXPECT_TRUE(host.models().empty());
}

TEST(Host, StopDropsWhatIsUnderWayAndItsLeases) {
  std::atomic<int> ends = 0;
  {
    Host host(options_for());
    Host::Lease model = host.acquire("llama_mha_tied", std::nullopt, nullptr);
    Request request;
    request.prompt = {1, 2, 3};
    request.on_token = [model](TokenId) { return true; };
    request.on_finish = [&](FinishReason) { ++ends; };
    request.max_tokens = 100;
    std::promise<void> submitted;
    model->engine->post([&](Engine& engine) {
      engine.submit(std::move(request));
      submitted.set_value();
    });
    submitted.get_future().wait();
    model.reset();
    host.stop();
  }
  EXPECT_LE(ends, 1);
}

// A model that was made anew under its name is another one: it is loaded, though the old is there.
TEST(Host, ANameThatMeansAnotherModelIsLoadedAnew) {
  HostOptions options = options_for();
  std::string system = "one";
  options.find = [&](const std::string& name) {
    return ModelPlace{
        .name = name, .path = tiny("llama_gqa"), .digest = "", .made_of = system, .defaults = [&] {
          ModelDefaults defaults;
          defaults.system = system;
          return defaults;
        }};
  };
  Host host(std::move(options));
  Host::Lease first = host.acquire("mine", std::nullopt, nullptr);
  EXPECT_EQ(first->defaults.system, "one");
  EXPECT_EQ(host.acquire("mine", std::nullopt, nullptr), first);
  system = "two";
  const Host::Lease second = host.acquire("mine", std::nullopt, nullptr);
  EXPECT_EQ(second->defaults.system, "two");
  EXPECT_EQ(first->defaults.system, "one");
  EXPECT_FALSE(ask(first, 1, 2).empty());  // who asked before is answered
  first.reset();
  EXPECT_TRUE(gone_soon(host, 1));
}

}  // namespace
}  // namespace hearth
