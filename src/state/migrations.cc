#include "state/migrations.h"

#include <sqlite3.h>

#include <array>
#include <string>

#include "base/error.h"

namespace hearth {
namespace {

// AUTOINCREMENT: an id is never given twice, for usage and logs name keys by it.
constexpr const char* kKeysAndUsage = R"(
CREATE TABLE keys(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  secret_sha256 BLOB NOT NULL UNIQUE CHECK(length(secret_sha256) = 32),
  role TEXT NOT NULL CHECK(role IN ('user', 'admin')),
  requests_at_once INTEGER NOT NULL,
  requests_per_minute INTEGER NOT NULL,
  tokens_per_day INTEGER NOT NULL,
  created_unix_s INTEGER NOT NULL,
  revoked_unix_s INTEGER,
  expires_unix_s INTEGER
) STRICT;
CREATE UNIQUE INDEX keys_by_name ON keys(name) WHERE revoked_unix_s IS NULL;
CREATE TABLE usage(
  day TEXT NOT NULL,
  key_id INTEGER NOT NULL,
  model TEXT NOT NULL,
  requests INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  answer_tokens INTEGER NOT NULL,
  PRIMARY KEY(day, key_id, model)
) STRICT, WITHOUT ROWID;
)";

constexpr const char* kPriorities = R"(
ALTER TABLE keys ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal'
  CHECK(priority IN ('low', 'normal', 'high'));
)";

constexpr std::array kMigrations{kKeysAndUsage, kPriorities};

}  // namespace

std::span<const char* const> state_migrations() noexcept { return kMigrations; }

std::size_t state_version(const Database& database, std::size_t newest) {
  // One statement, one view of the file: another process may be at its first step just now.
  Statement look(database,
                 "SELECT (SELECT application_id FROM pragma_application_id), "
                 "(SELECT user_version FROM pragma_user_version), "
                 "(SELECT count(*) FROM sqlite_schema)");
  Rows rows = look.run();
  rows.next();
  const std::int64_t id = rows.integer(0), version = rows.integer(1), objects = rows.integer(2);
  const bool is_empty = id == 0 && version == 0 && objects == 0;
  const std::string file = sqlite3_db_filename(database.handle(), "main");
  if ((id != kStateApplicationId && !is_empty) || version < 0) {
    throw Error(ErrorCode::kCorruptData,
                "the state's file is another program's database: put it aside", file);
  }
  const auto steps = static_cast<std::size_t>(version);
  if (steps > newest) {
    throw Error(ErrorCode::kUnsupported,
                "the state is of version " + std::to_string(steps) +
                    ", this Hearth knows versions up to " + std::to_string(newest) +
                    ": use the newer Hearth that wrote it",
                file);
  }
  return steps;
}

void migrate(Database& database, std::span<const char* const> migrations) {
  if (state_version(database, migrations.size()) == migrations.size()) return;
  Transaction transaction(database);
  // Again: another process may have been here since.
  const std::size_t taken = state_version(database, migrations.size());
  for (const char* step : migrations.subspan(taken)) database.execute(step);
  database.execute(("PRAGMA application_id = " + std::to_string(kStateApplicationId)).c_str());
  database.execute(("PRAGMA user_version = " + std::to_string(migrations.size())).c_str());
  transaction.commit();
}

}  // namespace hearth
