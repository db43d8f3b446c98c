#include "store/blob_upload.h"

#include <random>
#include <string>

#include "base/error.h"
#include "store/download.h"

namespace hearth {
namespace {

Digest random_key() {
  std::random_device device;  // 128 bits: two never meet
  std::string text = "upload";
  for (int i = 0; i < 4; ++i) text += " " + std::to_string(device());
  return Digest::of(text);
}

}  // namespace

BlobUpload::BlobUpload(const StoreLayout& layout, const FailPoint& fail_point,
                       const Digest& expected)
    : layout_(layout), fail_point_(fail_point), expected_(expected), key_(random_key()) {}

BlobUpload::~BlobUpload() {
  if (!partial_) return;
  try {
    partial_->discard();
  } catch (const Error&) {
    return;  // the next sweeps take it
  }
}

void BlobUpload::open() {
  if (partial_) return;
  if (auto lock = try_lock_in_store(layout_.lock(key_))) lock_.emplace(std::move(*lock));
  partial_.emplace(layout_, key_, true, false, fail_point_);
}

void BlobUpload::append(std::string_view bytes) {
  open();
  partial_->append(std::as_bytes(std::span(bytes)));
}

void BlobUpload::publish() {
  open();
  try {
    partial_->publish(expected_, "what was sent");
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorruptData) throw;
    throw Error(ErrorCode::kInvalidArgument, error.message());
  }
  partial_.reset();
  lock_.reset();
}

}  // namespace hearth
