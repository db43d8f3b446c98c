// hearth serve: the models of the library for programs: the APIs of OpenAI, Anthropic and Ollama.
#include <malloc.h>
#include <poll.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "cli/interrupt_scope.h"
#include "command.h"
#include "library.h"
#include "load.h"
#include "net/address.h"
#include "server/server.h"
#include "server/service.h"
#include "store/layout.h"

namespace hearth {
namespace {

constexpr std::uint16_t kPort = 11435;

struct ServeFlags {
  LoadFlags load;
  std::string host = "127.0.0.1";
  std::uint16_t port = kPort;
  HttpServerOptions http;
  DoorOptions doors;
  bool insecure_lan = false;
  double keep_alive_seconds = 300;
  std::size_t sequences = 64;
  std::size_t waiting_max = 256;
  double memory_gib = 0;
  double drain_seconds = 30;
  bool json = false;
  std::string log_format = "text";
};

// What a person reads; in a log of JSON, a line like the others.
void say(const ServeFlags& flags, const std::string& text) {
  if (flags.log_format == "json") return log(LogLevel::kInfo, text);
  std::fprintf(stderr, "%s\n", text.c_str());
}

void begin_log(const ServeFlags& flags) {
  const char* level = std::getenv("HEARTH_LOG");
  if (level == nullptr || *level == '\0') set_log_level(LogLevel::kInfo);
  if (flags.log_format == "json") set_log_format(LogFormat::kJson);
}

// A bind that others can reach needs keys and TLS, or a person who says that it does not; where
// there are keys, they stay needed.
void check_doors(ServeFlags& flags, const State& state) {
  if (is_loopback(flags.host)) return;
  const bool has_keys = state.has_keys();
  flags.doors.keys_required = flags.doors.keys_required || has_keys || !flags.insecure_lan;
  if (flags.insecure_lan) return;
  std::string missing;
  if (!has_keys) missing = "an API key ('hearth keys add NAME')";
  if (flags.http.tls_cert.empty()) {
    missing += (missing.empty() ? "" : " and ") + std::string("TLS (--tls-cert, --tls-key)");
  }
  if (missing.empty()) return;
  throw Error(ErrorCode::kPermissionDenied, flags.host +
                                                " can be reached from outside: that needs " +
                                                missing + ", or --insecure-lan to do without");
}

std::string url_of(const TcpEndpoint& endpoint, bool secure) {
  const bool v6 = endpoint.address.find(':') != std::string::npos;
  return std::string(secure ? "https" : "http") + "://" +
         (v6 ? "[" + endpoint.address + "]" : endpoint.address) + ":" +
         std::to_string(endpoint.port);
}

void announce(const ServeFlags& flags, const Server& server) {
  for (const TcpEndpoint& endpoint : server.endpoints()) {
    const std::string url = url_of(endpoint, !flags.http.tls_cert.empty());
    if (flags.json) {
      std::printf("%s\n", nlohmann::json{{"listening", url}}.dump().c_str());
    } else {
      say(flags, "listening on " + url + " (Ctrl-C stops)");
    }
  }
  std::fflush(stdout);
}

void wait_for_signal(const InterruptScope& scope) {
  pollfd waiting{.fd = scope.wake_fd(), .events = POLLIN, .revents = 0};
  while (!scope.token().cancelled()) ::poll(&waiting, 1, -1);
}

// Each client is a descriptor.
void allow_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Each of many threads would keep an arena of its own, and what it once held.
void keep_arenas_few() { ::mallopt(M_ARENA_MAX, 2); }

void serve(ServeFlags flags) {
  allow_descriptors();
  keep_arenas_few();
  begin_log(flags);
  if (flags.host == "localhost") flags.host = "127.0.0.1";
  if (!flags.load.model.empty()) resolve_model(flags.load.model);  // pulled when it is not here
  CommandLibrary opened(false);
  State state(StoreLayout(opened.library.home()).state());
  check_doors(flags, state);
  Host host(
      {.load = load_options(flags.load),
       .sequences = flags.sequences,
       .memory_bytes = static_cast<std::uint64_t>(flags.memory_gib * (1u << 30)),
       .keep_alive_seconds = flags.keep_alive_seconds,
       .find = [&](const std::string& name) { return find_in_library(opened.library, name); }});
  flags.http.tcp.push_back({.address = flags.host, .port = flags.port});
  if (!is_loopback(flags.host)) flags.doors.hosts.push_back(flags.host);
  Server server({.http = flags.http,
                 .doors = flags.doors,
                 .default_model = flags.load.model,
                 .waiting_max = flags.waiting_max,
                 .version = HEARTH_VERSION},
                host, opened.library, state);
  InterruptScope scope{SIGINT, SIGTERM};
  std::signal(SIGPIPE, SIG_IGN);
  server.start();  // what comes before MODEL is there waits for it, and /ready says so
  try {
    if (!flags.load.model.empty()) host.acquire(flags.load.model, std::nullopt, &scope.token());
  } catch (...) {
    server.stop(0, nullptr);
    host.stop();
    if (scope.token().cancelled()) return;  // told to stop before it was there
    throw;
  }
  server.set_ready();
  announce(flags, server);
  wait_for_signal(scope);
  scope.rearm();
  std::array<char, 100> text{};
  std::snprintf(text.data(), text.size(), "stopping: answers under way get %g s to end",
                flags.drain_seconds);
  say(flags, text.data());
  const std::size_t cut = server.stop(flags.drain_seconds, &scope.token());
  if (cut > 0) say(flags, "cut " + std::to_string(cut) + " replies off");
  host.stop();
}

void add_door_flags(CLI::App& command, ServeFlags& flags) {
  command.add_option("--host", flags.host, "Numeric address to listen on, or localhost")
      ->type_name("ADDRESS")
      ->capture_default_str();
  command.add_option("--port", flags.port, "Port to listen on; 0: any free one")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--unix-socket", flags.http.unix_socket, "Listen on this socket, too")
      ->type_name("PATH");
  CLI::Option* cert =
      command.add_option("--tls-cert", flags.http.tls_cert, "Certificate chain, PEM")
          ->type_name("FILE");
  CLI::Option* key =
      command.add_option("--tls-key", flags.http.tls_key, "Its key, PEM")->type_name("FILE");
  cert->needs(key);
  key->needs(cert);
  command.add_flag("--require-keys", flags.doors.keys_required,
                   "Ask for an API key on loopback, too");
  command.add_flag("--insecure-lan", flags.insecure_lan,
                   "Do without TLS, and without keys where there are none: then who reaches the "
                   "address is a user");
  command
      .add_option("--allow-host", flags.doors.hosts, "A further name that clients may call it by")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command.add_option("--cors-origin", flags.doors.cors_origins, "Pages of this origin may call")
      ->type_name("ORIGIN")
      ->allow_extra_args(false);
}

}  // namespace

void add_serve(CLI::App& app) {
  auto flags = std::make_shared<ServeFlags>();
  CLI::App* command = app.add_subcommand(
      "serve", "Serve the library to programs: OpenAI's, Anthropic's, Ollama's APIs");
  command->add_option("MODEL", flags->load.model, "Loaded at once, and the default")->type_name("");
  add_door_flags(*command, *flags);
  command
      ->add_option("--keep-alive", flags->keep_alive_seconds,
                   "Seconds that an unused model stays in memory; negative: for ever")
      ->type_name("S")
      ->capture_default_str();
  command->add_option("--parallel", flags->sequences, "Answers of one model at a time")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{512}).description(""));
  command->add_option("--queue", flags->waiting_max, "Answers that may wait for one model")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--max-memory", flags->memory_gib, "For all models (default: what is free)")
      ->type_name("GIB");
  command->add_option("--drain", flags->drain_seconds, "Time that answers get to end at a stop")
      ->type_name("S")
      ->capture_default_str();
  add_engine_flags(*command, flags->load);
  command->add_option("--log-format", flags->log_format, "Of the log on stderr: text or json")
      ->type_name("FORMAT")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}).description(""));
  command->add_flag("--json", flags->json, "Print {\"listening\": URL} once it listens");
  command->footer(
      "Examples:\n"
      "  hearth serve smollm2\n"
      "  hearth serve --port 11434                  # where Ollama's clients look\n"
      "  hearth serve --require-keys --log-format json 2>> hearth.log\n"
      "  hearth serve --host 192.0.2.7 --tls-cert cert.pem --tls-key key.pem");
  command->callback([flags] { serve(*flags); });
}

}  // namespace hearth
