#include "device/cpu/weight_loader.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "device/cpu/cpu_device.h"
#include "device/cpu/weight_image.h"
#include "tensor/decode.h"

namespace hearth {
namespace {

// Of panels, per job: a fifth of a millisecond of packing, so that all cores end together and
// giving the pages back (10 µs) costs little.
constexpr std::size_t kJobBytes = std::size_t{1} << 20;

// What a kernel makes of a fixed panel: another layout has another digest, whether or not anybody
// thought of counting it up. 512 columns are two blocks of the largest, rows differ in every byte.
void update_with_layout(Sha256& digest, const MatmulKernel& kernel) {
  constexpr std::size_t kCols = 512;
  const std::size_t stride = row_bytes(kernel.type, kCols);
  std::vector<std::byte> rows(kernel.panel_rows * stride);
  std::uint32_t state = 1;
  for (std::byte& byte : rows) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::byte>(state >> 24);
  }
  const PageBuffer panel(kernel.panel_bytes(kCols));
  kernel.pack(rows.data(), kernel.panel_rows, stride, kCols, panel.data());
  digest.update({panel.data(), panel.size()});
}

}  // namespace

WeightLoader::WeightLoader(std::span<const WeightSource> sources, Isa isa, bool in_place, bool fast)
    : sources_(sources), isa_(isa), in_place_(in_place), fast_(fast) {
  for (const WeightSource& source : sources) {
    Placed placed{std::make_unique<CpuWeight>(source), bytes_, 0};
    placed.bytes = place(source, *placed.weight);
    bytes_ += placed.bytes;
    placed_.push_back(std::move(placed));
  }
}

// The bytes it takes; a weight that takes none stands already.
std::size_t WeightLoader::place(const WeightSource& source, CpuWeight& weight) const {
  weight.data = source.bytes;
  if (source.use == WeightUse::kEmbedding) return 0;
  if (source.use == WeightUse::kVector) return round_up(source.cols, 16) * sizeof(float);
  weight.kernel = &select_matmul(source.type, isa_, fast_);
  weight.panel_bytes = weight.kernel->panel_bytes(source.cols);
  const bool whole = source.rows % weight.kernel->panel_rows == 0;
  if (in_place_ && weight.kernel->in_place && whole) return 0;
  return round_up(weight.panels() * weight.panel_bytes, 64);
}

Sha256Bytes WeightLoader::key(const std::string& model) const {
  Sha256 digest;
  std::set<const MatmulKernel*> kernels;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const CpuWeight& weight = *placed_[i].weight;
    const std::uint64_t facts[] = {static_cast<std::uint64_t>(weight.type),
                                   static_cast<std::uint64_t>(sources_[i].use),
                                   weight.rows(),
                                   weight.cols(),
                                   weight.panel_bytes,
                                   placed_[i].offset};
    digest.update(std::as_bytes(std::span(facts)));
    if (weight.kernel != nullptr && kernels.insert(weight.kernel).second)
      update_with_layout(digest, *weight.kernel);
  }
  digest.update(std::as_bytes(std::span(model)));
  return digest.finish();
}

std::vector<WeightLoader::Job> WeightLoader::jobs() const {
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < placed_.size(); ++i) {
    if (placed_[i].bytes == 0) continue;
    const CpuWeight& weight = *placed_[i].weight;
    if (weight.kernel == nullptr) {
      jobs.push_back({i, 0, 0});
      continue;
    }
    const std::size_t step = std::max<std::size_t>(1, kJobBytes / weight.panel_bytes);
    for (std::size_t panel = 0; panel < weight.panels(); panel += step)
      jobs.push_back({i, panel, std::min(panel + step, weight.panels())});
  }
  return jobs;
}

// Returns what it has read of the file.
std::span<const std::byte> WeightLoader::pack(const Job& job, std::byte* to) const noexcept {
  const WeightSource& source = sources_[job.index];
  const CpuWeight& weight = *placed_[job.index].weight;
  const std::size_t stride = row_bytes(source.type, source.cols);
  if (weight.kernel == nullptr) {
    decode(source.type, source.bytes, source.cols, reinterpret_cast<float*>(to));
    return {source.bytes, stride};
  }
  const std::size_t panel_rows = weight.kernel->panel_rows;
  for (std::size_t panel = job.first_panel; panel < job.end_panel; ++panel) {
    const std::size_t row = panel * panel_rows;
    weight.kernel->pack(source.bytes + row * stride, std::min(panel_rows, source.rows - row),
                        stride, source.cols, to + panel * weight.panel_bytes);
  }
  const std::size_t first = job.first_panel * panel_rows;
  const std::size_t end = std::min(job.end_panel * panel_rows, source.rows);
  return {source.bytes + first * stride, (end - first) * stride};
}

void WeightLoader::pack(ThreadPool& pool, std::byte* to, const WeightLoading& how) const {
  const std::vector<Job> all = jobs();
  std::atomic<std::size_t> next{0};
  pool.share([&](std::size_t) {
    for (std::size_t i = next++; i < all.size(); i = next++) {
      const std::span<const std::byte> read = pack(all[i], to + placed_[all[i].index].offset);
      if (how.on_read) how.on_read(read);
    }
  });
}

std::vector<std::unique_ptr<Weight>> WeightLoader::stand(std::shared_ptr<const void> memory,
                                                         const std::byte* at) {
  std::vector<std::unique_ptr<Weight>> weights;
  for (Placed& placed : placed_) {
    if (placed.bytes != 0) {
      placed.weight->data = at + placed.offset;
      placed.weight->memory = memory;
    }
    weights.push_back(std::move(placed.weight));
  }
  return weights;
}

std::vector<std::unique_ptr<Weight>> WeightLoader::load(ThreadPool& pool,
                                                        const WeightLoading& how) {
  const WeightImage* image = in_place_ ? nullptr : how.image;
  const Sha256Bytes digest = image != nullptr ? key(image->model) : Sha256Bytes{};
  if (image != nullptr) {
    if (auto map = open_image(image->path, digest, bytes_)) {
      const auto kept = std::make_shared<const MappedFile>(std::move(*map));
      return stand(kept, kept->bytes().data() + kImageHeaderBytes);
    }
  }
  const auto memory = std::make_shared<const PageBuffer>(bytes_);
  pack(pool, memory->data(), how);
  if (image != nullptr) write_image(image->path, digest, {memory->data(), bytes_});
  return stand(memory, memory->data());
}

std::vector<std::unique_ptr<Weight>> CpuDevice::load(std::span<const WeightSource> sources,
                                                     const WeightLoading& how) {
  ThreadPool pool(pool_.size());  // of its own: the other one may be computing
  return WeightLoader(sources, isa_, in_place_, fast_).load(pool, how);
}

}  // namespace hearth
