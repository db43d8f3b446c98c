// hearth keys add|list|revoke [NAME]: the keys that clients show to the server.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "command.h"
#include "format/printable.h"
#include "state/state.h"
#include "store/layout.h"
#include "store/library.h"
#include "table.h"

namespace hearth {
namespace {

constexpr std::int64_t kDaySeconds = 24 * 60 * 60;

struct KeysFlags {
  std::string action;
  std::string name;
  std::string role = "user";
  std::string priority = "normal";
  KeyLimits limits;
  std::uint32_t expires_days = 0;  // 0: never
  bool json = false;
  bool all = false;
};

State open_state() {
  try {
    return State(StoreLayout(Library::default_home()).state());
  } catch (const Error& error) {
    throw with_home_advice(error);
  }
}

void add(const KeysFlags& flags) {
  std::optional<std::int64_t> expires_unix_s;
  if (flags.expires_days > 0)
    expires_unix_s = std::time(nullptr) + flags.expires_days * kDaySeconds;
  State state = open_state();
  const KeyRole role = key_role_from_name(flags.role).value_or(KeyRole::kUser);
  KeyLimits limits = flags.limits;
  limits.priority = priority_from_name(flags.priority).value_or(Priority::kNormal);
  const NewKey made = state.add_key(flags.name, role, limits, expires_unix_s);
  // A secret that nobody could read is good for nothing; main() says that the output failed.
  if (std::printf("%s\n", made.secret.c_str()) < 0 || std::fflush(stdout) != 0) {
    state.revoke_key(flags.name);
    return;
  }
  std::fprintf(stderr, "the secret of '%s' is shown this once: Hearth keeps only its digest\n",
               made.key.name.c_str());
}

void revoke(const KeysFlags& flags) {
  State state = open_state();
  const Key key = state.revoke_key(flags.name);
  std::fprintf(stderr, "revoked '%s' (%s…)\n", key.name.c_str(), key.prefix.c_str());
}

std::string status_of(const Key& key) {
  if (key.revoked_unix_s) return "revoked " + local_time(*key.revoked_unix_s);
  if (!key.expires_unix_s) return "valid";
  const bool is_past = *key.expires_unix_s <= std::time(nullptr);
  return (is_past ? "expired " : "valid until ") + local_time(*key.expires_unix_s);
}

nlohmann::json to_json(const Key& key) {
  nlohmann::json json = {{"id", key.id},
                         {"name", key.name},
                         {"prefix", key.prefix},
                         {"role", to_string(key.role)},
                         {"priority", to_string(key.limits.priority)},
                         {"requests_at_once", key.limits.requests_at_once},
                         {"requests_per_minute", key.limits.requests_per_minute},
                         {"tokens_per_day", key.limits.tokens_per_day},
                         {"created", key.created_unix_s}};
  if (key.expires_unix_s) json["expires"] = *key.expires_unix_s;
  if (key.revoked_unix_s) json["revoked"] = *key.revoked_unix_s;
  return json;
}

void list(const KeysFlags& flags) {
  nlohmann::json keys = nlohmann::json::array();
  std::vector<TableRow> rows = {{"NAME", "BEGINS", "ROLE", "PRIORITY", "REQUESTS", "PER-MINUTE",
                                 "TOKENS/DAY", "CREATED", "STATUS"}};
  for (const Key& key : open_state().keys()) {
    if (key.revoked_unix_s && !flags.all) continue;
    keys.push_back(to_json(key));
    const auto limit = [](auto most) { return most == 0 ? "-" : std::to_string(most); };
    rows.push_back({key.name, key.prefix, std::string(to_string(key.role)),
                    std::string(to_string(key.limits.priority)), limit(key.limits.requests_at_once),
                    limit(key.limits.requests_per_minute), limit(key.limits.tokens_per_day),
                    local_time(key.created_unix_s), status_of(key)});
  }
  if (flags.json) {
    std::printf("%s\n", nlohmann::json{{"keys", keys}}.dump().c_str());
  } else if (rows.size() > 1) {
    print_table(rows);
  } else {
    std::fprintf(stderr, "no keys: 'hearth keys add NAME' makes one\n");
  }
}

// What is given must mean something to the action, or a limit would be believed to hold.
void check(const CLI::App& command, const KeysFlags& flags) {
  const std::string call = "'hearth keys " + printable(flags.action, 80) + "'";
  if (flags.action != "add" && flags.action != "list" && flags.action != "revoke") {
    throw Error(ErrorCode::kInvalidArgument, "no " + call + "; there are add, list and revoke");
  }
  if (flags.name.empty() != (flags.action == "list")) {
    throw Error(ErrorCode::kInvalidArgument,
                call + " takes " + (flags.name.empty() ? "a NAME" : "no NAME"));
  }
  for (const CLI::Option* option : command.get_options()) {
    const std::string& group = option->get_group();
    if (option->count() == 0 || !group.starts_with("Options of ") || group.ends_with(flags.action))
      continue;
    throw Error(ErrorCode::kInvalidArgument, call + " takes no " + option->get_name());
  }
}

}  // namespace

void add_keys(CLI::App& app) {
  auto flags = std::make_shared<KeysFlags>();
  CLI::App* command = app.add_subcommand("keys", "Add, list or revoke the server's keys");
  command->add_option("ACTION", flags->action, "add, list or revoke")->required()->type_name("");
  command->add_option("NAME", flags->name, "What the key is called; to revoke, also its beginning")
      ->type_name("");
  const auto of_add = [&](const char* name, auto& value, const char* what) {
    return command->add_option(name, value, what)->group("Options of add")->type_name("N");
  };
  of_add("--role", flags->role, "user, or admin: may also change models and see all usage")
      ->type_name("ROLE")
      ->check(CLI::IsMember({"user", "admin"}));
  of_add("--priority", flags->priority, "Whose work counts for more: high, normal or low")
      ->type_name("CLASS")
      ->check(CLI::IsMember({"high", "normal", "low"}));
  of_add("--requests", flags->limits.requests_at_once, "Requests at once; default: the server's");
  of_add("--per-minute", flags->limits.requests_per_minute, "Requests per minute");
  of_add("--tokens-per-day", flags->limits.tokens_per_day, "Tokens per day, prompts and answers");
  of_add("--expires", flags->expires_days, "Ends after so many days")
      ->type_name("DAYS")
      ->check(CLI::Range(1, 36500));  // a hundred years
  command->add_flag("--json", flags->json, "Print one JSON object")->group("Options of list");
  command->add_flag("--all", flags->all, "Revoked keys too")->group("Options of list");
  command->footer(
      "Examples:\n"
      "  hearth keys add ana --per-minute 60\n"
      "  hearth keys add backup --role admin --expires 30 > secret\n"
      "  hearth keys add nightly --priority low\n"
      "  hearth keys list --all\n"
      "  hearth keys revoke ana");
  command->callback([command, flags] {
    check(*command, *flags);
    if (flags->action == "add") return add(*flags);
    flags->action == "list" ? list(*flags) : revoke(*flags);
  });
}

}  // namespace hearth
