// libFuzzer: opens the bytes as GGUF, touches every accessor with every key, decodes one block of
// each tensor. Only hearth::Error may leave the library.
// covers: src/format/gguf.cc src/format/gguf_metadata.cc src/format/gguf_parser.cc
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "format/gguf.h"
#include "format/gguf_shards.h"
#include "tensor/decode.h"

namespace {

volatile std::uint64_t sink;  // so that no read is optimized away

template <typename Call>
void attempt(Call&& call) {
  try {
    call();
  } catch (const hearth::Error& error) {
    sink = sink + error.message().size();
  }
}

void touch_key(const hearth::GgufMetadata& metadata, std::string_view key) {
  attempt([&] { sink = sink + metadata.unsigned_integer(key); });
  attempt([&] { sink = sink + (metadata.number(key) > 0 ? 1 : 0); });
  attempt([&] { sink = sink + (metadata.boolean(key) ? 1 : 0); });
  attempt([&] {
    for (const char letter : metadata.string(key)) sink = sink + static_cast<unsigned char>(letter);
  });
  attempt([&] {
    for (const std::int64_t value : metadata.integers(key))
      sink = sink + static_cast<std::uint64_t>(value);
  });
  attempt([&] {
    for (const float value : metadata.numbers(key)) sink = sink + (value > 0 ? 1 : 0);
  });
  attempt([&] {
    for (const std::string_view text : metadata.strings(key)) {
      if (!text.empty()) sink = sink + static_cast<unsigned char>(text.back());
    }
  });
  attempt([&] { sink = sink + metadata.array_length(key); });
  attempt(
      [&] { sink = sink + metadata.type_name(key).size() + metadata.to_text(key, 100).size(); });
}

void touch_tensor(const hearth::GgufTensor& tensor) {
  const hearth::DTypeInfo& info = hearth::dtype_info(tensor.type);
  std::vector<float> values(info.block_elements);
  hearth::decode(tensor.type, tensor.bytes.data(), values.size(), values.data());
  hearth::decode(tensor.type, tensor.bytes.data() + tensor.bytes.size() - info.block_bytes,
                 values.size(), values.data());
  sink = sink + tensor.elements() + (values[0] > 0 ? 1 : 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attempt([&] {
    const auto bytes = std::as_bytes(std::span(data, size));
    const hearth::Gguf gguf = hearth::Gguf::parse(bytes, "fuzz.gguf");
    for (const std::string_view key : gguf.metadata().keys()) touch_key(gguf.metadata(), key);
    touch_key(gguf.metadata(), "missing");
    for (const hearth::GgufTensor& tensor : gguf.tensors()) {
      touch_tensor(tensor);
      if (gguf.find(tensor.name) != &tensor) __builtin_trap();
    }
  });
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = hearth::parse_shard_name(text)) {
    if (hearth::format_shard_name(*name) != text) __builtin_trap();
  }
  return 0;
}
