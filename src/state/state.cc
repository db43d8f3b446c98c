#include "state/state.h"

#include <utf8proc.h>

#include <chrono>
#include <mutex>

#include "base/error.h"
#include "format/printable.h"
#include "state/database.h"
#include "state/key_secret.h"
#include "state/migrations.h"

namespace hearth {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr std::uint64_t kIntegerMax = INT64_MAX;  // SQLite's integers are signed
// Of one row: 2^23 of them fit in a column.
constexpr std::uint64_t kUsageCountMax = std::uint64_t{1} << 40;

// Columns 0 to 10 of read_key.
#define KEY_COLUMNS                                                                 \
  "id, name, prefix, role, requests_at_once, requests_per_minute, tokens_per_day, " \
  "created_unix_s, revoked_unix_s, expires_unix_s, priority"

constexpr const char* kInsertKey =
    "INSERT INTO keys(name, prefix, secret_sha256, role, requests_at_once, requests_per_minute, "
    "tokens_per_day, created_unix_s, expires_unix_s, priority) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
constexpr const char* kNamedKeys =
    "SELECT " KEY_COLUMNS " FROM keys WHERE revoked_unix_s IS NULL AND (name = ?1 OR prefix = ?1)";
constexpr const char* kAddUsage =
    "INSERT INTO usage(day, key_id, model, requests, prompt_tokens, cached_tokens, answer_tokens) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(day, key_id, model) DO UPDATE SET "
    "requests = requests + excluded.requests, "
    "prompt_tokens = prompt_tokens + excluded.prompt_tokens, "
    "cached_tokens = cached_tokens + excluded.cached_tokens, "
    "answer_tokens = answer_tokens + excluded.answer_tokens";
constexpr const char* kFindKey =
    "SELECT " KEY_COLUMNS
    ", secret_sha256 FROM keys WHERE secret_sha256 = ?1 "
    "AND revoked_unix_s IS NULL AND (expires_unix_s IS NULL OR expires_unix_s > ?2)";
constexpr const char* kHasKeys =
    "SELECT EXISTS(SELECT 1 FROM keys WHERE revoked_unix_s IS NULL "
    "AND (expires_unix_s IS NULL OR expires_unix_s > ?1))";

std::int64_t unix_now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::kInvalidArgument, message);
}

// What a terminal shows as itself: no control or format characters, no line or paragraph
// separators, nothing unassigned, and no space where nobody sees it.
bool is_printable(std::string_view name) {
  if (name.front() == ' ' || name.back() == ' ') return false;
  while (!name.empty()) {
    utf8proc_int32_t code_point;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(name.data()),
                                         static_cast<utf8proc_ssize_t>(name.size()), &code_point);
    if (length <= 0) return false;
    switch (utf8proc_category(code_point)) {
      case UTF8PROC_CATEGORY_CC:
      case UTF8PROC_CATEGORY_CF:
      case UTF8PROC_CATEGORY_CN:
      case UTF8PROC_CATEGORY_CO:
      case UTF8PROC_CATEGORY_CS:
      case UTF8PROC_CATEGORY_ZL:
      case UTF8PROC_CATEGORY_ZP: return false;
      default: name.remove_prefix(static_cast<std::size_t>(length));
    }
  }
  return true;
}

void check_name(std::string_view name) {
  if (name.empty()) refuse("a key needs a name");
  if (name.size() > kNameBytesMax) {
    refuse("a key's name has at most " + std::to_string(kNameBytesMax) + " bytes; this one has " +
           std::to_string(name.size()));
  }
  if (!is_printable(name)) {
    refuse(
        "a key cannot be called " + printable_quoted(name) +
        ": its name is of characters that can be seen, and neither begins nor ends with a space");
  }
}

void check_day(std::string_view day) {
  constexpr std::string_view kForm = "dddd-dd-dd";
  bool fits = day.size() == kForm.size();
  for (std::size_t i = 0; fits && i < kForm.size(); ++i) {
    fits = kForm[i] == 'd' ? day[i] >= '0' && day[i] <= '9' : day[i] == kForm[i];
  }
  if (!fits) refuse("a day is written like 2026-11-23, not " + printable_quoted(day));
}

Key read_key(const Rows& row) {
  Key key;
  key.id = row.integer(0);
  key.name = row.text(1);
  key.prefix = row.text(2);
  key.role = key_role_from_name(row.text(3)).value_or(KeyRole::kUser);
  key.limits.requests_at_once = static_cast<std::uint32_t>(row.integer(4));
  key.limits.requests_per_minute = static_cast<std::uint32_t>(row.integer(5));
  key.limits.tokens_per_day = static_cast<std::uint64_t>(row.integer(6));
  key.created_unix_s = row.integer(7);
  key.revoked_unix_s = row.optional_integer(8);
  key.expires_unix_s = row.optional_integer(9);
  key.limits.priority = priority_from_name(row.text(10)).value_or(Priority::kNormal);
  return key;
}

Database open_state(const std::filesystem::path& file) {
  make_private_file(file);
  Database database(file);
  // Before anything is written: another program's file stays as it is.
  state_version(database, state_migrations().size());
  database.use_write_ahead_log();
  migrate(database, state_migrations());
  return database;
}

}  // namespace

std::string_view to_string(KeyRole role) noexcept {
  return role == KeyRole::kAdmin ? "admin" : "user";
}

std::optional<KeyRole> key_role_from_name(std::string_view name) noexcept {
  if (name == "user") return KeyRole::kUser;
  if (name == "admin") return KeyRole::kAdmin;
  return std::nullopt;
}

// Two connections: who looks for a key does not wait for somebody's fsync.
class State::Impl {
 public:
  explicit Impl(const std::filesystem::path& file) : write(open_state(file)), read(file) {}

  struct Write {
    explicit Write(Database opened) : database(std::move(opened)) {}

    std::mutex mutex;
    Database database;
    Statement named{database, kNamedKeys};
    Statement insert_key{database, kInsertKey};
    Statement revoke{database, "UPDATE keys SET revoked_unix_s = ?2 WHERE id = ?1"};
    Statement add_usage{database, kAddUsage};
  } write;

  struct Read {
    explicit Read(const std::filesystem::path& file) : database(file) {}

    std::mutex mutex;
    Database database;
    Statement find{database, kFindKey};
    Statement all{database, "SELECT " KEY_COLUMNS " FROM keys ORDER BY id"};
    Statement has{database, kHasKeys};
    Statement usage{database,
                    "SELECT day, key_id, model, requests, prompt_tokens, cached_tokens, "
                    "answer_tokens FROM usage WHERE day BETWEEN ?1 AND ?2 "
                    "ORDER BY day, key_id, model"};
    Statement tokens{database,
                     "SELECT coalesce(sum(prompt_tokens + answer_tokens), 0) FROM usage "
                     "WHERE day = ?1 AND key_id = ?2"};
  } read;
};

State::State(const std::filesystem::path& file) : impl_(std::make_unique<Impl>(file)) {}
State::~State() = default;

NewKey State::add_key(std::string_view name, KeyRole role, const KeyLimits& limits,
                      std::optional<std::int64_t> expires_unix_s) {
  check_name(name);
  if (limits.tokens_per_day > kIntegerMax) {
    refuse("tokens per day: at most " + std::to_string(kIntegerMax));
  }
  NewKey made;
  made.secret = make_secret();
  made.key = {0,
              std::string(name),
              made.secret.substr(0, kSecretPrefixBytes),
              role,
              limits,
              unix_now_s(),
              std::nullopt,
              expires_unix_s};
  Impl::Write& write = impl_->write;
  const std::lock_guard lock(write.mutex);
  Transaction transaction(write.database);
  for (Rows rows = write.named.run(name); rows.next();) {
    if (rows.text(1) != name) continue;
    refuse("there is a key " + printable_quoted(name) +
           ": give another name, or revoke that one first");
  }
  write.insert_key.execute(made.key.name, made.key.prefix, secret_digest(made.secret),
                           to_string(role), limits.requests_at_once, limits.requests_per_minute,
                           limits.tokens_per_day, made.key.created_unix_s, expires_unix_s,
                           to_string(limits.priority));
  made.key.id = write.database.last_inserted();
  transaction.commit();
  return made;
}

std::vector<Key> State::keys() const {
  const std::lock_guard lock(impl_->read.mutex);
  std::vector<Key> keys;
  for (Rows rows = impl_->read.all.run(); rows.next();) keys.push_back(read_key(rows));
  return keys;
}

Key State::revoke_key(std::string_view name_or_prefix) {
  Impl::Write& write = impl_->write;
  const std::lock_guard lock(write.mutex);
  Transaction transaction(write.database);
  std::vector<Key> meant;
  for (Rows rows = write.named.run(name_or_prefix); rows.next();) meant.push_back(read_key(rows));
  if (meant.empty()) {
    throw Error(ErrorCode::kNotFound,
                "no key " + printable_quoted(name_or_prefix) +
                    " that is not revoked: 'hearth keys list' shows what there is");
  }
  if (meant.size() > 1) {
    refuse(printable_quoted(name_or_prefix) + " means " + std::to_string(meant.size()) +
           " keys, by name or by prefix: say the other of the two");
  }
  meant.front().revoked_unix_s = unix_now_s();
  write.revoke.execute(meant.front().id, meant.front().revoked_unix_s);
  transaction.commit();
  return meant.front();
}

std::optional<Key> State::find_key(std::string_view secret, std::int64_t now_unix_s) const {
  if (!has_secret_form(secret)) return std::nullopt;
  const Sha256Bytes digest = secret_digest(secret);
  const std::lock_guard lock(impl_->read.mutex);
  Rows rows = impl_->read.find.run(digest, now_unix_s);
  if (!rows.next() || !same_digest(digest, rows.blob(11))) return std::nullopt;
  return read_key(rows);
}

bool State::has_keys() const {
  const std::lock_guard lock(impl_->read.mutex);
  Rows rows = impl_->read.has.run(unix_now_s());
  return rows.next() && rows.integer(0) != 0;
}

void State::add_usage(const UsageRow& row) {
  check_day(row.day);
  const Usage& usage = row.usage;
  for (const std::uint64_t count :
       {usage.requests, usage.prompt_tokens, usage.cached_tokens, usage.answer_tokens}) {
    if (count > kUsageCountMax) {
      refuse("usage: " + std::to_string(count) + " at once, at most " +
             std::to_string(kUsageCountMax) + " are counted");
    }
  }
  const std::lock_guard lock(impl_->write.mutex);
  impl_->write.add_usage.execute(row.day, row.key_id, row.model, usage.requests,
                                 usage.prompt_tokens, usage.cached_tokens, usage.answer_tokens);
}

std::vector<UsageRow> State::usage(std::string_view first_day, std::string_view last_day) const {
  const std::lock_guard lock(impl_->read.mutex);
  std::vector<UsageRow> found;
  for (Rows rows = impl_->read.usage.run(first_day, last_day); rows.next();) {
    const auto count = [&](int column) { return static_cast<std::uint64_t>(rows.integer(column)); };
    found.push_back({rows.integer(1),
                     std::string(rows.text(0)),
                     std::string(rows.text(2)),
                     {count(3), count(4), count(5), count(6)}});
  }
  return found;
}

std::uint64_t State::tokens_of_day(std::int64_t key_id, std::string_view day) const {
  const std::lock_guard lock(impl_->read.mutex);
  Rows rows = impl_->read.tokens.run(day, key_id);
  return rows.next() ? static_cast<std::uint64_t>(rows.integer(0)) : 0;
}

}  // namespace hearth
