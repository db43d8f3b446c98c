#include "state/database.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/error.h"
#include "base/exhausted.h"
#include "platform/file.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_to_open(int reason, const std::string& detail) {
  const bool denied = reason == EACCES || reason == EPERM || reason == EROFS;
  throw Error(denied ? ErrorCode::kPermissionDenied : ErrorCode::kUnavailable,
              "cannot open the state" +
                  (reason == 0 ? "" : ": " + std::string(std::strerror(reason))) +
                  "; its file and its directory must be yours to write",
              detail);
}

[[noreturn]] void fail(sqlite3* handle, int code) {
  const char* file = sqlite3_db_filename(handle, "main");
  const std::string detail =
      std::string(file == nullptr ? "" : file) + ": " + sqlite3_errmsg(handle);
  switch (code & 0xff) {  // the low byte is the primary code
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      throw Error(ErrorCode::kCorruptData,
                  "the state's file is damaged, or none of Hearth's: put it aside and restore a "
                  "copy, or make new keys",
                  detail);
    case SQLITE_FULL:
      throw ShortageError(ShortageError::Of::kDisk, "no room on the disk for the state; free some",
                          detail);
    case SQLITE_NOMEM: throw ShortageError(ShortageError::Of::kMemory, "out of memory", detail);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(ErrorCode::kUnavailable,
                  "another process keeps the state locked: try again when it is done", detail);
    case SQLITE_READONLY: fail_to_open(EACCES, detail);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM: fail_to_open(sqlite3_system_errno(handle), detail);
    case SQLITE_IOERR:
      throw Error(ErrorCode::kUnavailable, "cannot read or write the state: is the disk in order?",
                  detail);
    default: throw Error(ErrorCode::kInternal, "the state refuses what Hearth asks of it", detail);
  }
}

void check(sqlite3* handle, int code) {
  if (code != SQLITE_OK) fail(handle, code);
}

void make_private_directory(const fs::path& directory) {
  std::error_code unknown;
  if (fs::is_directory(directory, unknown)) return;
  const fs::path parent = directory.has_parent_path() ? directory.parent_path() : ".";
  make_directories(parent);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    throw_system_error("create the directory", directory, errno);
  }
  sync_directory(parent);
}

// Closed before it has its name: until then no other connection can have it open.
void make_empty_file(const fs::path& file) {
  std::string draft = file.string() + std::string(kDraftSuffix) + "XXXXXX";
  if (!UniqueFd(::mkstemp(draft.data())).valid()) throw_system_error("create", file, errno);
  const int linked = ::link(draft.c_str(), file.c_str());
  const int reason = errno;
  ::unlink(draft.c_str());
  if (linked != 0 && reason != EEXIST) throw_system_error("create", file, reason);
}

}  // namespace

void make_private_file(const fs::path& file) {
  const fs::path directory = file.has_parent_path() ? file.parent_path() : ".";
  make_private_directory(directory);
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) {
    if (errno != ENOENT) throw_system_error("read", file, errno);
    make_empty_file(file);
    sync_directory(directory);
  } else if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kCorruptData,
                "'" + file.string() + "' is no regular file: put it aside");
  } else if ((status.st_mode & 077) != 0 && ::chmod(file.c_str(), 0600) != 0) {
    throw_system_error("make private", file, errno);
  }
}

void Database::Closer::operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }

Database::Database(const fs::path& file) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(file.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  handle_.reset(handle);
  if (handle == nullptr) throw ShortageError(ShortageError::Of::kMemory, "out of memory");
  check(handle, code);
  wait_at_most(kBusyWaitMs);
  // A schema that somebody else wrote calls no functions.
  execute("PRAGMA trusted_schema = OFF");
}

void Database::wait_at_most(int milliseconds) {
  check(handle_.get(), sqlite3_busy_timeout(handle_.get(), milliseconds));
}

void Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  check(handle_.get(), code == SQLITE_ERROR ? SQLITE_CORRUPT : code);  // as prepare()
}

std::int64_t Database::last_inserted() const noexcept {
  return sqlite3_last_insert_rowid(handle_.get());
}

void Database::use_write_ahead_log() {
  // Of two that change the mode at once, SQLite refuses one without waiting (each would wait for
  // the other): the waiting is ours.
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kBusyWaitMs);
  for (;;) {
    try {
      Statement statement(*this, "PRAGMA journal_mode = WAL");
      Rows rows = statement.run();
      if (!rows.next() || rows.text(0) != "wal") {
        throw Error(ErrorCode::kUnsupported,
                    "the state cannot be kept on this file system, which shares no memory between "
                    "processes: set HEARTH_HOME to a directory on a local disk",
                    sqlite3_db_filename(handle_.get(), "main"));
      }
      break;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnavailable || std::chrono::steady_clock::now() > end) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  execute("PRAGMA synchronous = FULL");
}

Rows::~Rows() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Rows::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail(sqlite3_db_handle(statement_), code);
  return false;
}

std::int64_t Rows::integer(int column) const noexcept {
  return sqlite3_column_int64(statement_, column);
}

std::optional<std::int64_t> Rows::optional_integer(int column) const noexcept {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return integer(column);
}

std::string_view Rows::text(int column) const noexcept {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::span<const std::byte> Rows::blob(int column) const noexcept {
  const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Statement::Finalizer::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Statement::Statement(const Database& database, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  statement_.reset(statement);
  // Our own text is in order: what it names is not in the file.
  check(database.handle(), code == SQLITE_ERROR ? SQLITE_CORRUPT : code);
}

void Statement::bind(int index, std::int64_t value) {
  check(sqlite3_db_handle(statement_.get()), sqlite3_bind_int64(statement_.get(), index, value));
}

void Statement::bind(int index, const std::optional<std::int64_t>& value) {
  if (value) return bind(index, *value);
  check(sqlite3_db_handle(statement_.get()), sqlite3_bind_null(statement_.get(), index));
}

void Statement::bind(int index, std::string_view value) {
  check(sqlite3_db_handle(statement_.get()),
        sqlite3_bind_text64(statement_.get(), index, value.data(), value.size(), SQLITE_TRANSIENT,
                            SQLITE_UTF8));
}

void Statement::bind(int index, std::span<const std::byte> value) {
  check(sqlite3_db_handle(statement_.get()),
        sqlite3_bind_blob64(statement_.get(), index, value.data(), value.size(), SQLITE_TRANSIENT));
}

Transaction::Transaction(Database& database) : database_(database) {
  database_.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  // Nothing to report: what the transaction wrote is gone in any case.
  if (open_) sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_.execute("COMMIT");
  open_ = false;
}

}  // namespace hearth
