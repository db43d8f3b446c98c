// hearth top: what the running server does, live.
#include <poll.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/interrupt_scope.h"
#include "cli/live_screen.h"
#include "cli/running_server.h"
#include "cli/screen.h"
#include "cli/top_view.h"
#include "command.h"

namespace hearth {
namespace {

constexpr double kWindowSeconds = 60;  // of which first tokens and cache hits are shown

struct TopFlags {
  std::string server = RunningServer::default_address();
  double interval_seconds = 1;
  bool once = false;
  bool json = false;
};

// The server's samples, as far back as the window reaches.
class Samples {
 public:
  Samples(RunningServer& server, const CancelToken& cancel) : server_(server), cancel_(cancel) {}

  void take() {
    const std::chrono::duration<double> now = std::chrono::steady_clock::now().time_since_epoch();
    samples_.push_back(parse_metrics(server_.text("/metrics", &cancel_), now.count()));
    while (samples_.size() > 2 && samples_[1].seconds < now.count() - kWindowSeconds)
      samples_.pop_front();
  }
  TopView view() const {
    return top_view(samples_.front(), samples_[samples_.size() - 2], samples_.back());
  }
  // Of all since the server began.
  TopView view_of_all() const {
    return top_view({}, samples_[samples_.size() - 2], samples_.back());
  }

 private:
  RunningServer& server_;
  const CancelToken& cancel_;
  std::deque<ServerSample> samples_;
};

// False after an interrupt.
bool pause(double seconds, const InterruptScope& scope) {
  pollfd waiting{.fd = scope.wake_fd(), .events = POLLIN, .revents = 0};
  ::poll(&waiting, 1, static_cast<int>(seconds * 1000));
  return !scope.token().cancelled();
}

void print_json(const TopView& view, const std::string& address) {
  nlohmann::ordered_json line{{"unix_s", std::time(nullptr)}, {"server", address}};
  line.update(top_json(view));
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

void print_lines(const TopView& view, const std::string& address) {
  for (const std::string& line : top_lines(view, address, SIZE_MAX, SIZE_MAX)) {
    std::printf("%s\n", line.c_str());
  }
}

void watch(const TopFlags& flags, RunningServer& server, const InterruptScope& scope) {
  Samples samples(server, scope.token());
  samples.take();
  const Screen::Style style = Screen::style_of_process();
  const bool is_live = !flags.once && !flags.json && style.answers_on_terminal;
  std::optional<LiveScreen> screen;
  if (is_live) screen.emplace(style.colour);
  const auto next = [&] {
    return screen ? screen->wait(flags.interval_seconds, scope)
                  : pause(flags.interval_seconds, scope);
  };
  while (next()) {
    samples.take();
    const TopView view = flags.once ? samples.view_of_all() : samples.view();
    if (screen) {
      const LiveScreen::Size size = LiveScreen::size();
      screen->show(top_lines(view, server.address() + "   q leaves", size.columns, size.rows));
    } else {
      flags.json ? print_json(view, server.address()) : print_lines(view, server.address());
      if (flags.once || !flags.json) return;
    }
  }
}

void top(const TopFlags& flags) {
  RunningServer server(flags.server);
  const InterruptScope scope{SIGINT, SIGTERM, SIGHUP};
  try {
    watch(flags, server, scope);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCancelled) throw;  // the person left in the middle of a sample
  }
}

}  // namespace

void add_top(CLI::App& app) {
  auto flags = std::make_shared<TopFlags>();
  CLI::App* command = app.add_subcommand("top", "Watch what the running server does");
  command
      ->add_option("--server", flags->server,
                   "Its address; default: HEARTH_SERVER, or this machine")
      ->type_name("URL");
  command->add_option("--interval", flags->interval_seconds, "Between two looks")
      ->type_name("S")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 3600.0).description(""));
  command->add_flag("--once", flags->once, "Print one view, after one interval");
  command->add_flag("--json", flags->json, "Print one JSON object a look");
  command->footer(
      "Examples:\n"
      "  hearth top\n"
      "  hearth top --server http://192.0.2.7:11435 --interval 5\n"
      "  hearth top --once --json | jq .answer_tokens_per_second");
  command->callback([flags] { top(*flags); });
}

}  // namespace hearth
