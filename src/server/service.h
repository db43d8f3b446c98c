// Service: what the routes share, and the ways from a call to its reply. Each file of routes adds
// those of one dialect.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/model_entry.h"
#include "api/reply_writer.h"
#include "base/log.h"
#include "host/host.h"
#include "server/jobs.h"
#include "server/limits.h"
#include "server/metrics.h"
#include "server/router.h"
#include "store/library.h"

namespace hearth {

enum class Readiness { kLoading, kReady, kStopping };

struct Service {
  Host& host;
  Library& library;
  State& state;
  Metrics& metrics;
  Limits& limits;
  Jobs& jobs;
  std::string default_model;      // of calls that name none (llama-server's); may be empty
  std::size_t waiting_max = 256;  // sequences that wait for one model
  std::string version;
  std::atomic<Readiness> readiness{Readiness::kLoading};
};

void add_openai_routes(Router& router, Service& service);
void add_anthropic_routes(Router& router, Service& service);
void add_ollama_routes(Router& router, Service& service);
void add_ollama_library_routes(Router& router, Service& service);  // a part of those
void add_llama_routes(Router& router, Service& service);
void add_operator_routes(Router& router, Service& service);

Route ollama_route(std::string method, std::string path, Permission permission, std::string summary,
                   std::function<void(const Call&)> handle, std::span<const Field> fields = {});

// OpenAI's clients read the one, Anthropic's the other.
HttpFields id_headers(const std::string& id);
// What an admin's call asks for; of others the server's own stands (none), for all who use the
// model would feel theirs. kPermissionDenied where they ask for it to go now, or never.
std::optional<double> keep_alive_of(const Call& call, const std::optional<KeepAlive>& keep_alive);
void reply_json(const Call& call, std::string body, int status = 200);

using MakeWriter =
    std::function<std::unique_ptr<ReplyWriter>(const GenerateCall&, const ReplyHead&)>;
// Loads the model if need be and starts the answer; the reply follows by itself.
void answer(Service& service, const Call& call, GenerateCall wanted, const MakeWriter& make_writer);

// What the model says of itself where the request says nothing: its system message and first
// messages (unless the call goes on with tokens of an earlier reply), and its parameters.
void apply_defaults(const ModelDefaults& defaults, GenerateCall& call);

ReplyHead reply_head(const Call& call, std::string_view model);

// The default where none is named.
const std::string& model_of(const Service& service, const std::string& wanted);
// A line of the log that names the request; its clients see none of it.
void log_of(const std::string& request_id, LogLevel level, const std::string& message);

// Whose work a call was, for what is counted when it has ended.
struct Accounted {
  std::int64_t key_id = 0;
  std::string model;
  std::shared_ptr<RequestRecord> record;
};
// Counts it. From any thread: what waits for a disk, or for whoever reads the log, is a job's.
void account(Service& service, Accounted call, const GenerationReport& report);

// The library as listings show it; what each file says of itself is read once.
std::vector<ModelEntry> model_entries(const Library& library);
ModelEntry model_entry(const Library& library, const std::string& name);
ModelDescription describe_model(const Library& library, const std::string& name);
std::vector<RunningModel> running_models(const Service& service);

// What a client may name: a model of the library, never a path. kNotFound otherwise.
ModelPlace find_in_library(const Library& library, const std::string& name);

}  // namespace hearth
