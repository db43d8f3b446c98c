// Ollama's routes about the library: what is there, and what changes it.
#include <optional>

#include "api/ollama.h"
#include "base/error.h"
#include "base/log.h"
#include "server/service.h"

namespace hearth {
namespace {

const std::string& body_of(const Call& call) { return call.exchange->request().body; }

// The reply to what takes long: a line for each step, where the client wants a stream, else the
// last one alone. What fails before the first line has a status of its own.
class Steps {
 public:
  Steps(const Call& call, bool stream) : call_(call), stream_(stream) {}

  void say(const OllamaProgress& progress) {
    if (!stream_) return;
    if (!begun_) {
      HttpFields headers = id_headers(call_.id);
      headers.emplace_back("Content-Type", "application/x-ndjson");
      call_.exchange->begin(200, std::move(headers));
      begun_ = true;
    }
    call_.exchange->write(ollama_progress_line(progress));
  }
  void say(std::string status) {
    say({.status = std::move(status), .digest = "", .total = {}, .completed = {}});
  }
  // An observer that tells how far `status` is.
  PullObserver watch(const std::string& status) {
    return [this, status](const PullProgress& progress) {
      say({.status = status,
           .digest = "",
           .total = progress.bytes_total,
           .completed = progress.bytes_done});
    };
  }

  void run(const std::function<void()>& work) {
    try {
      work();
    } catch (const std::exception& thrown) {
      if (!begun_) throw;
      const auto* known = dynamic_cast<const Error*>(&thrown);
      const Error error = known ? *known : Error(ErrorCode::kInternal, thrown.what());
      if (!error.detail().empty()) log(LogLevel::kWarn, error.message() + ": " + error.detail());
      const ApiError told = api_error(error);
      call_.record->error = told.code;
      call_.exchange->write(error_body(Dialect::kOllama, told, call_.id) + "\n");
      return call_.exchange->end();
    }
    constexpr const char* kSuccess = "success";
    if (!stream_) {
      return reply_json(
          call_,
          ollama_progress_line({.status = kSuccess, .digest = "", .total = {}, .completed = {}}));
    }
    say(kSuccess);
    call_.exchange->end();
  }

 private:
  const Call& call_;
  const bool stream_;
  bool begun_ = false;
};

void pull(Service& service, const Call& call) {
  const OllamaPullCall wanted = parse_ollama_pull(body_of(call));
  const ModelRef ref = ModelRef::parse(wanted.model);
  if (ref.kind > ModelRef::Kind::kRegistry) {
    throw FieldError("model", "the API pulls from hubs and registries; '" + wanted.model +
                                  "' is for the command line: hearth pull");
  }
  Steps steps(call, wanted.stream);
  steps.run([&] {
    PullOptions options;
    options.cancel = &call.exchange->gone();
    options.observer = steps.watch("pulling " + wanted.model);
    steps.say("pulling manifest");
    service.library.pull(ref, options);
    steps.say("verifying sha256 digest");
    steps.say("writing manifest");
  });
}

void push(Service& service, const Call& call) {
  const OllamaPullCall wanted = parse_ollama_pull(body_of(call));
  find_in_library(service.library, wanted.model);
  Steps steps(call, wanted.stream);
  steps.run([&] {
    PullOptions options;
    options.cancel = &call.exchange->gone();
    options.observer = steps.watch("pushing " + wanted.model);
    steps.say("retrieving manifest");
    service.library.push(ModelRef::parse(wanted.model), options);
  });
}

// A path of this machine is nobody's business but the command line's: not even its error says one.
ModelRef new_name(const std::string& name) {
  ModelRef ref = ModelRef::parse(name);
  if (ref.kind != ModelRef::Kind::kFile) return ref;
  throw Error(ErrorCode::kInvalidArgument, "'" + name + "' is a path, not a model's name");
}

// Of what a client may say: the names of its files order them, and are no paths.
NewModel new_model(const Service& service, const OllamaCreateCall& wanted) {
  NewModel model;
  if (!wanted.from.empty()) {
    model.from = ModelRef::parse(find_in_library(service.library, wanted.from).name);
  }
  for (const auto& [name, digest] : wanted.files) {
    model.blobs.push_back(Digest::parse(digest, "files"));
  }
  Modelfile& recipe = model.recipe;
  recipe.template_text = wanted.chat_template;
  recipe.system = wanted.system;
  if (wanted.licence) recipe.licences.push_back(*wanted.licence);
  for (const auto& [name, text] : wanted.parameters) {
    recipe.parameters.push_back({name, parse_parameter(name, text)});
  }
  for (const Message& message : wanted.messages) {
    if (message.role == "tool" || !message.content) {
      throw FieldError("messages",
                       "messages of a model are texts of the system, the user or the assistant");
    }
    recipe.messages.push_back({message.role, *message.content});
  }
  check_recipe(recipe);
  return model;
}

Manifest create_in_library(Service& service, const Call& call, const OllamaCreateCall& wanted) {
  PullOptions options;
  options.cancel = &call.exchange->gone();
  try {
    return service.library.create(new_name(wanted.model), new_model(service, wanted), options);
  } catch (const Error& error) {
    if (wanted.files.empty() || error.code() != ErrorCode::kCorruptData) throw;
    throw FieldError("files", error.message());
  }
}

void create(Service& service, const Call& call) {
  const OllamaCreateCall wanted = parse_ollama_create(body_of(call));
  Steps steps(call, wanted.stream);
  steps.run([&] {
    const Manifest made = create_in_library(service, call, wanted);
    service.host.unload(made.reference);  // what had that name before
    for (const Layer& layer : made.layers) {
      steps.say(
          (is_recipe(layer.role) ? "creating new layer sha256:" : "using existing layer sha256:") +
          layer.digest.hex());
    }
    steps.say("writing manifest");
  });
}

Digest blob_digest(const PathParams& params) {
  const auto digest = Digest::try_parse(params.at("digest"));
  if (digest) return *digest;
  throw FieldError("digest", "a blob is named by \"sha256:\" and 64 hexadecimal digits");
}

void find_blob(Service& service, const Call& call) {
  const bool found = service.library.has_blob(blob_digest(call.params));
  call.exchange->reply({.status = found ? 200 : 404, .headers = id_headers(call.id)});
}

std::variant<BodyPlan, ApiError> plan_blob(const Service& service, const PathParams& params) {
  try {
    std::shared_ptr<BlobUpload> upload = service.library.upload(blob_digest(params));
    const auto take = [upload](std::string_view piece) {
      try {
        upload->append(piece);
      } catch (const Error& error) {
        log(LogLevel::kError, error.message());  // names a path
        throw Error(error.code(), "the file cannot be kept: is the server's disk full?");
      }
    };
    return BodyPlan{.body_bytes = std::max<std::uint64_t>(1, service.library.upload_bytes_max()),
                    .sink = take,
                    .taker = upload};
  } catch (const Error& error) {
    return api_error(error);
  }
}

void take_blob(Service& service, const Call& call) {
  service.library.publish(*std::static_pointer_cast<BlobUpload>(call.exchange->request().taker));
  call.exchange->reply({.status = 201, .headers = id_headers(call.id)});
}

void copy(Service& service, const Call& call) {
  const OllamaCopyCall wanted = parse_ollama_copy(body_of(call));
  find_in_library(service.library, wanted.source);
  service.library.copy(ModelRef::parse(wanted.source), new_name(wanted.destination), {});
  reply_json(call, "{}");
}

void remove(Service& service, const Call& call) {
  const std::string name = parse_ollama_model(body_of(call)).model;
  find_in_library(service.library, name);
  service.host.unload(name);
  service.library.remove(service.library.canonical(ModelRef::parse(name)));
  reply_json(call, "{}");
}

void add_listing_routes(Router& router, Service& service) {
  router.add(ollama_route("GET", "/api/tags", Permission::kUse, "The models of the library",
                          [&service](const Call& call) {
                            reply_json(call, ollama_tags_reply(model_entries(service.library)));
                          }));
  router.add(ollama_route(
      "POST", "/api/show", Permission::kUse, "What a model is",
      [&service](const Call& call) {
        const OllamaModelCall wanted = parse_ollama_model(body_of(call));
        reply_json(
            call, ollama_show_reply(describe_model(service.library, wanted.model), wanted.verbose));
      },
      ollama_model_fields()));
  router.add(ollama_route("GET", "/api/ps", Permission::kUse, "The models in memory",
                          [&service](const Call& call) {
                            reply_json(call, ollama_ps_reply(running_models(service)));
                          }));
}

void add_changing_routes(Router& router, Service& service) {
  router.add(ollama_route(
      "POST", "/api/pull", Permission::kAdmin, "Fetches a model",
      [&service](const Call& call) { pull(service, call); }, ollama_pull_fields()));
  router.add(ollama_route(
      "POST", "/api/copy", Permission::kAdmin, "Gives a model a further name",
      [&service](const Call& call) { copy(service, call); }, ollama_copy_fields()));
  router.add(ollama_route(
      "DELETE", "/api/delete", Permission::kAdmin, "Removes a model",
      [&service](const Call& call) { remove(service, call); }, ollama_model_fields()));
  router.add(ollama_route(
      "POST", "/api/push", Permission::kAdmin, "Sends a model to the registry of its name",
      [&service](const Call& call) { push(service, call); }, ollama_pull_fields()));
  router.add(ollama_route(
      "POST", "/api/create", Permission::kAdmin, "Makes a model of another one, or of files",
      [&service](const Call& call) { create(service, call); }, ollama_create_fields()));
  router.add(ollama_route("HEAD", "/api/blobs/{digest}", Permission::kAdmin,
                          "Whether a file is here",
                          [&service](const Call& call) { find_blob(service, call); }));
  Route blob = ollama_route("POST", "/api/blobs/{digest}", Permission::kAdmin,
                            "Takes a file, for a model to be made of it",
                            [&service](const Call& call) { take_blob(service, call); });
  blob.plan_body = [&service](const PathParams& params) { return plan_blob(service, params); };
  router.add(std::move(blob));
}

}  // namespace

void add_ollama_library_routes(Router& router, Service& service) {
  add_listing_routes(router, service);
  add_changing_routes(router, service);
}

}  // namespace hearth
