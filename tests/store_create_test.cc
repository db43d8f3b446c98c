// The library's own models: made of others, of files and of uploads; sent to
// tests/store/registry_server.py and fetched again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "store/library.h"
#include "store/sweep.h"
#include "tests/python_server.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const fs::path kData = fs::path(HEARTH_SOURCE_DIR) / "tests/data";
const fs::path kTiny = kData / "tiny/llama_gqa.gguf";

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

ModelRef model_ref(const std::string& text) { return ModelRef::parse(text); }

class CreateTest : public ::testing::Test {
 protected:
  void TearDown() override {
    EXPECT_EQ(count("locks"), 0u);
    fs::remove_all(home_);
  }

  Library library() { return {options_, Catalog::embedded(), http_, nullptr}; }

  Manifest create(const std::string& name, const std::string& modelfile) {
    NewModel model{.from = {}, .blobs = {}, .recipe = parse_modelfile(modelfile)};
    model.from = model_ref(model.recipe.from);
    return library().create(model_ref(name), model, {});
  }
  Manifest create_of_blobs(const std::string& name, const std::vector<Digest>& blobs) {
    return library().create(model_ref(name), {.from = {}, .blobs = blobs, .recipe = {}}, {});
  }
  Modelfile recipe(const std::string& name) {
    return library().recipe(*library().resolve(model_ref(name)).manifest);
  }
  Digest upload(const std::string& bytes) {
    const Digest digest = Digest::of(bytes);
    const auto sending = library_.upload(digest);
    for (std::size_t at = 0; at < bytes.size(); at += 1000) {
      sending->append(std::string_view(bytes).substr(at, 1000));
    }
    library_.publish(*sending);
    return digest;
  }
  std::string error_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.message();
    }
    return "none";
  }

  std::size_t count(const std::string& room) const {
    std::error_code error;
    const fs::directory_iterator entries(home_ / room, error);
    return error ? 0 : static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }
  void make_old(const fs::path& path) const {
    fs::last_write_time(path, fs::file_time_type::clock::now() - 2 * kUnfinishedKept);
  }

  static Library::Options options_of_a_new_home() {
    std::string name = fs::temp_directory_path() / "hearth-create-XXXXXX";
    Library::Options options;
    options.home = ::mkdtemp(name.data());
    return options;
  }

  Library::Options options_ = options_of_a_new_home();
  const fs::path home_ = options_.home;
  HttpClient http_{HttpClient::Options{}};
  Library library_{options_, Catalog::embedded(), http_, nullptr};
};

TEST_F(CreateTest, AModelOfAFileKeepsItsFileAndWhatIsSaid) {
  const Manifest made =
      create("mine", "FROM " + kTiny.string() +
                         "\nSYSTEM Be brief.\nPARAMETER top_k 3\nLICENSE as it is\n");
  EXPECT_EQ(made.reference, "mine:latest");
  EXPECT_EQ(made.source, kTiny);
  EXPECT_EQ(made.model_digest(), Digest::of(read_file(kTiny)));
  EXPECT_EQ(recipe("mine").system, "Be brief.");
  EXPECT_EQ(to_text(recipe("mine")),
            "FROM mine:latest\nSYSTEM Be brief.\nPARAMETER top_k 3\nLICENSE as it is\n");
  EXPECT_EQ(count("blobs"), 4u);
  EXPECT_EQ(count("partial"), 0u);
}

TEST_F(CreateTest, AModelOfAnotherSharesItsFileAndSaysWhatItSays) {
  create("base", "FROM " + kTiny.string() + "\nSYSTEM Be brief.\nPARAMETER top_k 3\n");
  const Manifest made = create("child", "FROM base\nPARAMETER seed 5\n");
  EXPECT_EQ(made.source, "base:latest");
  EXPECT_EQ(recipe("child").system, "Be brief.");
  EXPECT_EQ(recipe("child").parameters.size(), 2u);
  EXPECT_EQ(library().resolve(model_ref("child")).path, library().resolve(model_ref("base")).path);
  EXPECT_EQ(count("blobs"), 4u);  // the file, the message, and two sets of parameters
  // Made again by what it tells of itself, it is the same.
  const Manifest again = create("again", to_text(recipe("child")));
  EXPECT_EQ(to_text(recipe("again")).substr(10), to_text(recipe("child")).substr(10));
  library().remove(model_ref("again"));
  // The file goes with its last name, the small parts with theirs.
  EXPECT_GT(library().remove(model_ref("base")), 0u);
  EXPECT_EQ(count("blobs"), 3u);
  EXPECT_EQ(library().remove(model_ref("child")), made.total_bytes());
  EXPECT_EQ(count("blobs"), 0u);
}

TEST_F(CreateTest, AnotherOfTheSameNameTakesItsPlace) {
  create("mine", "FROM " + kTiny.string() + "\nSYSTEM One.\n");
  create("mine", "FROM mine\nSYSTEM Two.\n");
  EXPECT_EQ(recipe("mine").system, "Two.");
  EXPECT_EQ(count("manifests"), 1u);
  EXPECT_EQ(count("blobs"), 2u);  // the first message is gone
}

TEST_F(CreateTest, WhatCannotBeMadeLeavesNothing) {
  const std::string file = "FROM " + kTiny.string() + "\n";
  EXPECT_THAT(error_of([&] { create("smollm2", file); }), HasSubstr("nor in the catalog"));
  EXPECT_THAT(error_of([&] { create("hf.co/a/b", file); }), HasSubstr("neither an address"));
  EXPECT_THAT(error_of([&] { create("./x.gguf", file); }), HasSubstr("neither an address"));
  EXPECT_THAT(error_of([&] { create("mine", "FROM nobody-has-this"); }), HasSubstr("no model"));
  EXPECT_THAT(error_of([&] { create("mine", "FROM /no/such/file.gguf"); }), HasSubstr("no file"));
  EXPECT_THAT(error_of([&] { create("mine", "FROM " HEARTH_SOURCE_DIR "/Makefile"); }),
              HasSubstr("GGUF"));
  EXPECT_THAT(error_of([&] { create_of_blobs("mine", {Digest::of("nothing")}); }),
              HasSubstr("is not here: send it first"));
  EXPECT_EQ(count("manifests"), 0u);
  EXPECT_EQ(count("blobs"), 0u);
  NewModel large{.from = model_ref(kTiny), .blobs = {}, .recipe = {}};
  large.recipe.system = std::string((4 << 20) + 1, 's');
  EXPECT_THAT(error_of([&] { library().create(model_ref("mine"), large, {}); }),
              HasSubstr("the system has 4194305 bytes, at most 4194304 are kept"));
  EXPECT_EQ(count("manifests"), 0u);
}

TEST_F(CreateTest, UploadedFilesBecomeAModel) {
  const Digest whole = upload(read_file(kTiny));
  EXPECT_TRUE(library_.has_blob(whole));
  EXPECT_EQ(create_of_blobs("whole", {whole}).model_digest(), whole);
  std::vector<Digest> shards;
  for (const char* number : {"1", "2", "3"}) {
    const std::string name = std::string("gguf/set-0000") + number + "-of-00003.gguf";
    shards.push_back(upload(read_file(kData / name)));
  }
  EXPECT_THAT(error_of([&] { create_of_blobs("set", {shards[1], shards[0], shards[2]}); }),
              HasSubstr("model-0000"));
  EXPECT_THAT(error_of([&] { create_of_blobs("set", {shards[0], shards[1]}); }),
              HasSubstr("model-0000"));
  EXPECT_EQ(create_of_blobs("set", shards).layers.size(), 3u);
  EXPECT_EQ(library().resolve(model_ref("set")).path.filename(), "model-00001-of-00003.gguf");
  EXPECT_NE(error_of([&] { create_of_blobs("bad", {upload("no model at all")}); }), "none");
  EXPECT_FALSE(library().contains(model_ref("bad")));
}

TEST_F(CreateTest, AnUploadOfAnotherDigestIsNotKept) {
  const auto sending = library_.upload(Digest::of("what was promised"));
  sending->append("what was sent");
  EXPECT_EQ(count("partial"), 1u);
  EXPECT_THAT(error_of([&] { library_.publish(*sending); }), HasSubstr("instead of"));
  EXPECT_EQ(count("partial"), 0u);
  EXPECT_EQ(count("blobs"), 0u);
}

TEST_F(CreateTest, AnUploadThatIsGivenUpLeavesNothing) {
  {
    const auto sending = library_.upload(Digest::of("ab"));
    EXPECT_EQ(count("partial"), 0u);
    sending->append("a");
    EXPECT_EQ(count("partial"), 1u);
  }
  EXPECT_EQ(count("partial"), 0u);
}

TEST_F(CreateTest, UploadsOfOneFileAtOnceDoNotDisturbEachOther) {
  const std::string bytes = read_file(kTiny);
  const Digest digest = Digest::of(bytes);
  const auto first = library_.upload(digest), second = library_.upload(digest),
             wrong = library_.upload(digest);
  first->append(bytes.substr(0, 50'000));
  second->append(bytes);
  wrong->append("x" + bytes);
  library_.publish(*second);
  EXPECT_NE(error_of([&] { library_.publish(*wrong); }), "none");
  EXPECT_EQ(read_file(library().resolve(model_ref(kTiny)).path), bytes);
  first->append(bytes.substr(50'000));
  library_.publish(*first);
  EXPECT_EQ(read_file(home_ / "blobs" / ("sha256-" + digest.hex())), bytes);
  EXPECT_EQ(count("blobs"), 1u);
  EXPECT_EQ(count("partial"), 0u);
}

TEST_F(CreateTest, WhatNobodyNamesForAWeekGoes) {
  const Digest old = upload("old"), young = upload("young");
  std::ofstream(home_ / "partial" / std::string(64, 'a')) << "of a killed process";
  make_old(home_ / "partial" / std::string(64, 'a'));
  const Digest named = upload(read_file(kTiny));
  create_of_blobs("mine", {named});
  for (const Digest& digest : {old, named}) make_old(home_ / "blobs" / ("sha256-" + digest.hex()));
  upload("another");
  EXPECT_FALSE(library_.has_blob(old));
  EXPECT_TRUE(library_.has_blob(young));
  EXPECT_TRUE(library_.has_blob(named));
  EXPECT_EQ(count("partial"), 0u);
}

TEST_F(CreateTest, AKilledUploadShowsNoHalfBlob) {
  const std::string bytes = read_file(kTiny);
  for (const char* step : {"body", "before_fsync", "before_rename"}) {
    const auto send = [&] {
      Library::Options options = options_;
      options.fail_point = [step](std::string_view reached) {
        if (reached == step) ::raise(SIGKILL);
      };
      Library sender(options, Catalog::embedded(), http_, nullptr);
      const auto sending = sender.upload(Digest::of(bytes));
      sending->append(bytes);
      sender.publish(*sending);
    };
    EXPECT_EXIT(send(), ::testing::KilledBySignal(SIGKILL), "") << step;
    EXPECT_FALSE(library_.has_blob(Digest::of(bytes))) << step;
    EXPECT_EQ(count("blobs"), 0u) << step;
  }
  EXPECT_EQ(count("partial"), 3u);
  upload(bytes);
  EXPECT_TRUE(library_.has_blob(Digest::of(bytes)));
}

class PushTest : public CreateTest {
 protected:
  void SetUp() override {
    std::array<int, 1> port{};
    ASSERT_NO_FATAL_FAILURE(server_.start({"tests/store/registry_server.py"}, port));
    options_.registry_endpoint = "http://127.0.0.1:" + std::to_string(port[0]);
    create("mine", "FROM " + kTiny.string() + "\nSYSTEM Be brief.\nMESSAGE user Hi\nLICENSE MIT\n");
  }
  void TearDown() override {
    server_.stop();
    CreateTest::TearDown();
  }

  void push(const std::string& name) {
    library().copy(model_ref("mine"), model_ref(name), {});
    library().push(model_ref(name), {});
  }
  Error refusal(const std::string& name) {
    try {
      push(name);
    } catch (const Error& error) {
      return error;
    }
    return {ErrorCode::kInternal, "none"};
  }

  PythonServer server_;
};

TEST_F(PushTest, WhatIsPushedCanBePulled) {
  for (const std::string name : {"ollama.com/me/mine:v1", "ollama.com/absolute/mine"}) {
    push(name);
    library().push(model_ref(name), {});  // all of it is there already
    const Manifest before = *library().resolve(model_ref(name)).manifest;
    library().remove(model_ref(name));
    const Manifest pulled = library().pull(model_ref(name), {}).manifest;
    EXPECT_EQ(pulled.model_digest(), before.model_digest());
    Modelfile expected = recipe("mine");
    expected.from = model_ref(name).text;
    EXPECT_EQ(recipe(name), expected);
  }
  const auto egress = http_.egress().at("127.0.0.1");
  EXPECT_GT(egress.bytes_sent, 2 * fs::file_size(kTiny));           // to two repositories
  EXPECT_LT(egress.bytes_sent, 2 * fs::file_size(kTiny) + 64'000);  // once each
}

TEST_F(PushTest, WhatARegistryMayNotDo) {
  EXPECT_EQ(refusal("ollama.com/login/mine").code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(refusal("ollama.com/silent/mine").message(), HasSubstr("does not say where to send"));
  EXPECT_THAT(refusal("ollama.com/elsewhere/mine").message(), HasSubstr("it is another place"));
  EXPECT_THAT(error_of([&] { library().push(model_ref("mine"), {}); }),
              HasSubstr("hearth cp mine ollama.com/USER/NAME"));
  EXPECT_EQ(error_of([&] { library().push(model_ref("ollama.com/me/none"), {}); }).substr(0, 9),
            "the model");
}

TEST_F(PushTest, APushCanBeCancelled) {
  CancelToken cancel;
  library().copy(model_ref("mine"), model_ref("ollama.com/me/late"), {});
  PullOptions options;
  options.cancel = &cancel;
  options.observer = [&](const PullProgress&) { cancel.cancel(); };
  try {
    library().push(model_ref("ollama.com/me/late"), options);
    ADD_FAILURE() << "pushed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
}

}  // namespace
}  // namespace hearth
