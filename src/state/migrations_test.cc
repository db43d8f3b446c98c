#include "state/migrations.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <latch>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFirst = "CREATE TABLE a(x INTEGER) STRICT; INSERT INTO a VALUES(1)";
constexpr const char* kSecond = "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 2";
constexpr const char* kBroken = "INSERT INTO a VALUES(7, 8); INSERT INTO nothing VALUES(1)";

class MigrationsTest : public testing::Test {
 protected:
  MigrationsTest()
      : folder_(fs::temp_directory_path() /
                ("hearth-migrations-" + std::to_string(::getpid()) + "-" +
                 testing::UnitTest::GetInstance()->current_test_info()->name())) {
    make_private_file(file());
  }
  ~MigrationsTest() override { fs::remove_all(folder_); }

  fs::path file() const { return folder_ / "state.db"; }

  static std::int64_t number(const Database& database, std::string_view sql) {
    Statement statement(database, sql);
    Rows rows = statement.run();
    return rows.next() ? rows.integer(0) : -1;
  }

  fs::path folder_;
};

TEST_F(MigrationsTest, AnOldFileTakesTheStepsItLacks) {
  Database database(file());
  EXPECT_EQ(state_version(database, 2), 0u);
  migrate(database, std::array{kFirst});
  EXPECT_EQ(state_version(database, 2), 1u);
  migrate(database, std::array{kFirst, kSecond});
  EXPECT_EQ(state_version(database, 2), 2u);
  EXPECT_EQ(number(database, "SELECT y FROM a WHERE x = 1"), 2);
  migrate(database, std::array{kFirst, kSecond});  // nothing is left to do
  EXPECT_EQ(number(database, "SELECT count(*) FROM a"), 1);
}

TEST_F(MigrationsTest, AKeyOfBeforePrioritiesIsNormal) {
  Database database(file());
  migrate(database, state_migrations().first(1));
  database.execute(
      "INSERT INTO keys(name, prefix, secret_sha256, role, requests_at_once, requests_per_minute, "
      "tokens_per_day, created_unix_s) VALUES('ana', 'p', zeroblob(32), 'user', 0, 0, 0, 1)");
  migrate(database, state_migrations());
  EXPECT_EQ(number(database, "SELECT priority = 'normal' FROM keys"), 1);
}

TEST_F(MigrationsTest, AStepThatFailsLeavesTheFileAsItWas) {
  Database database(file());
  migrate(database, std::array{kFirst});
  EXPECT_THROW(migrate(database, std::array{kFirst, kSecond, kBroken}), Error);
  EXPECT_EQ(state_version(database, 3), 1u);
  EXPECT_EQ(number(database, "SELECT count(*) FROM a"), 1);
  EXPECT_THROW(Statement(database, "SELECT y FROM a"), Error);
  migrate(database, std::array{kFirst, kSecond});
  EXPECT_EQ(number(database, "SELECT y FROM a"), 2);
}

TEST_F(MigrationsTest, AFileOfALaterVersionIsRefused) {
  Database database(file());
  migrate(database, std::array{kFirst, kSecond});
  try {
    migrate(database, std::array{kFirst});
    FAIL() << "it was not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << error.message();
  }
}

TEST_F(MigrationsTest, TheModeIsChangedWhenNobodyReadsAnyMore) {
  Database reader(file());
  reader.execute("CREATE TABLE a(x INTEGER) STRICT; INSERT INTO a VALUES(1)");
  reader.execute("BEGIN");
  EXPECT_EQ(number(reader, "SELECT x FROM a"), 1);
  std::thread changer([&] {
    Database database(file());
    EXPECT_NO_THROW(database.use_write_ahead_log());
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  reader.execute("COMMIT");
  changer.join();
}

// Many threads at once at one file that is not there yet, in `rounds` folders.
template <class Work>
void race(const fs::path& folder, int rounds, Work work) {
  constexpr int kThreads = 8;
  for (int round = 0; round < rounds; ++round) {
    const fs::path path = folder / std::to_string(round) / "state.db";
    std::latch start(kThreads);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        work(path);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_F(MigrationsTest, EachStepIsTakenOnceHoweverManyTry) {
  race(folder_, 10, [](const fs::path& path) {
    make_private_file(path);
    Database database(path);
    EXPECT_NO_THROW(database.use_write_ahead_log());
    EXPECT_NO_THROW(migrate(database, std::array{kFirst, kSecond}));
    EXPECT_EQ(number(database, "SELECT count(*) FROM a"), 1);
  });
}

TEST_F(MigrationsTest, OneOfManyMakesTheFile) {
  std::mutex mutex;
  std::set<std::pair<fs::path, ino_t>> made;
  race(folder_, 50, [&](const fs::path& path) {
    make_private_file(path);
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    const std::lock_guard lock(mutex);
    made.insert({path, status.st_ino});
  });
  EXPECT_EQ(made.size(), 50u);
  for (const auto& [path, inode] : made) {
    EXPECT_EQ(std::distance(fs::directory_iterator(path.parent_path()), {}), 1);
  }
}

}  // namespace
}  // namespace hearth
