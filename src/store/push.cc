#include "store/push.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "platform/file.h"
#include "store/registry.h"
#include "store/sources.h"

namespace hearth {
namespace {

constexpr std::uint64_t kAnswerBytesMax = 64u << 10;  // an error's text, at most

// One model on its way to its repository.
class Push {
 public:
  Push(const PullContext& context, const ModelRef& ref, const PushedModel& model)
      : context_(context),
        ref_(ref),
        model_(model),
        endpoint_(without_trailing_slash(model.endpoint)) {}

  void run() {
    const std::string config = registry_config(model_.manifest, model_.family);
    for (const Layer& layer : model_.manifest.layers) send_layer(layer);
    if (!is_there(Digest::of(config)))
      send_text(upload_address(Digest::of(config)), config, kBytes);
    context_.meter.begin(PullStage::kUploading, "manifest of " + ref_.text);
    send_text(registry_manifest_address(endpoint_, ref_.name, ref_.tag),
              registry_manifest(model_.manifest, config), std::string(kRegistryManifestType));
  }

 private:
  static constexpr const char* kBytes = "application/octet-stream";

  HttpRequest request(const std::string& address, std::string method) const {
    HttpRequest request = request_for(address, endpoint_);
    request.method = std::move(method);
    return request;
  }

  bool is_there(const Digest& digest) const {
    bool there = true;
    const HttpReceiver receiver{[&](const HttpHead& head) {
                                  there = head.status != 404;
                                  if (there && head.status >= 300) throw_status(head);
                                },
                                [](std::span<const std::byte>) {}};
    context_.http.get(request(registry_blob_address(endpoint_, ref_.name, digest), "HEAD"),
                      receiver, context_.cancel);
    return there;
  }

  // Asks for a place to send a blob to: one of the registry's own.
  std::string upload_address(const Digest& digest) const {
    HttpRequest asking = request(registry_uploads_address(endpoint_, ref_.name), "POST");
    asking.upload = HttpUpload{.content_type = kBytes};
    const HttpDocument answer = context_.http.document(asking, kAnswerBytesMax, context_.cancel);
    const std::string* location = answer.head.header("location");
    if (location == nullptr) {
      throw Error(ErrorCode::kUnavailable,
                  asking.url.host() + " does not say where to send a file to");
    }
    const Url place = asking.url.resolve(*location);
    if (place.origin() != asking.url.origin()) {
      throw Error(ErrorCode::kPermissionDenied, asking.url.host() + " wants files to be sent to " +
                                                    place.host() +
                                                    ": refused, it is another place");
    }
    const bool has_query = place.text().find('?') != std::string::npos;
    return place.text() + (has_query ? "&" : "?") + "digest=sha256:" + digest.hex();
  }

  void send(const std::string& address, HttpUpload body) const {
    HttpRequest sending = request(address, "PUT");
    sending.upload = std::move(body);
    std::uint64_t answer_bytes = 0;
    const HttpReceiver receiver{[](const HttpHead& head) {
                                  if (head.status >= 300) throw_status(head);
                                },
                                [&](std::span<const std::byte> bytes) {
                                  answer_bytes += bytes.size();
                                  if (answer_bytes <= kAnswerBytesMax) return;
                                  throw Error(ErrorCode::kCorruptData,
                                              "the registry's answer is too long");
                                }};
    context_.http.get(sending, receiver, context_.cancel);
  }

  void send_text(const std::string& address, const std::string& text, std::string type) const {
    std::size_t sent = 0;
    send(address, {.content_type = std::move(type),
                   .bytes = text.size(),
                   .read = [&](std::span<std::byte> into) {
                     const std::size_t count = std::min(into.size(), text.size() - sent);
                     std::memcpy(into.data(), text.data() + sent, count);
                     sent += count;
                     return count;
                   }});
  }

  void send_layer(const Layer& layer) const {
    const std::string what = std::string(to_string(layer.role)) + " of " + ref_.text;
    if (is_there(layer.digest)) return;
    const std::filesystem::path path = context_.layout.blob(layer.digest);
    const UniqueFd file = open_for_reading(path);
    const std::string address = upload_address(layer.digest);
    context_.meter.begin(PullStage::kUploading, what, 0, layer.bytes);
    std::uint64_t sent = 0;
    send(address,
         {.content_type = kBytes, .bytes = layer.bytes, .read = [&](std::span<std::byte> into) {
            const std::size_t count = read_at(file, into, sent, path);
            if (count == 0) throw Error(ErrorCode::kCorruptData, what + " is cut short");
            sent += count;
            context_.meter.set_done(sent);
            return count;
          }});
  }

  const PullContext& context_;
  const ModelRef& ref_;
  const PushedModel& model_;
  std::string endpoint_;
};

}  // namespace

void push_model(const PullContext& context, const ModelRef& ref, const PushedModel& model) {
  Push(context, ref, model).run();
}

}  // namespace hearth
