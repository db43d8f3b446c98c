// Database: one connection to a SQLite file; Statement, prepared on it once and run many times; and
// Transaction. What SQLite reports becomes an Error: the message says what and what to do, the
// detail names the file. Waits up to kBusyWaitMs for other connections that write.
//
// Owns: a Database its connection, a Statement its program; a Statement goes before its Database.
// Thread rule: one thread at a time for a connection and what was prepared on it. Invariant: no
// statement is left in the middle: Rows resets it, which ends its view of the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace hearth {

// A writer holds the file for one fsync, some milliseconds; a thousand may stand in line.
inline constexpr int kBusyWaitMs = 10'000;

// Makes the directory (0700) and an empty file (0600), durable, where there is none. One that is
// there is made private; it is not opened: closing a descriptor would drop the locks that other
// connections of this process hold (fcntl(2)).
void make_private_file(const std::filesystem::path& file);

class Database {
 public:
  explicit Database(const std::filesystem::path& file);  // which is there

  void wait_at_most(int milliseconds);  // for others; kBusyWaitMs until it is called
  void execute(const char* sql);
  std::int64_t last_inserted() const noexcept;  // the id of the row
  // Puts the file in WAL mode, every commit synced. kUnsupported where the file system cannot.
  void use_write_ahead_log();

  sqlite3* handle() const noexcept { return handle_.get(); }

 private:
  struct Closer {
    void operator()(sqlite3* handle) const noexcept;
  };
  std::unique_ptr<sqlite3, Closer> handle_;
};

// The rows of one run of a Statement.
class Rows {
 public:
  explicit Rows(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  bool next();  // false at the end
  // Columns of this row, from 0; views are good until next().
  std::int64_t integer(int column) const noexcept;
  std::optional<std::int64_t> optional_integer(int column) const noexcept;
  std::string_view text(int column) const noexcept;
  std::span<const std::byte> blob(int column) const noexcept;

 private:
  sqlite3_stmt* statement_;
};

class Statement {
 public:
  Statement(const Database& database, std::string_view sql);

  // Binds the parameters ?1, ?2, … and begins; what was begun before must have ended.
  template <class... Values>
  Rows run(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    return Rows(statement_.get());
  }
  // Runs to the end.
  template <class... Values>
  void execute(const Values&... values) {
    Rows rows = run(values...);
    while (rows.next()) {
    }
  }

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  void bind(int index, std::int64_t value);
  void bind(int index, const std::optional<std::int64_t>& value);
  void bind(int index, std::string_view value);
  void bind(int index, std::span<const std::byte> value);

  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
};

// Takes the right to write at once, so that what is read inside is still so when it is written.
// Rolled back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace hearth
