// What a model says beside its weights (a Modelfile without its FROM), as the small layers of a
// manifest hold it, in the forms that Ollama's registry has: texts, {"name": value} for parameters,
// [{"role", "content"}] for messages. Pure functions; any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "store/manifest.h"
#include "store/modelfile.h"

namespace hearth {

struct RecipeLayer {
  LayerRole role = LayerRole::kTemplate;
  std::string text;
};

bool is_recipe(LayerRole role) noexcept;

std::vector<RecipeLayer> recipe_layers(const Modelfile& recipe);

// A registry may hold anything: parameters that no Modelfile may name, or with such values, and
// messages of other roles are left out.
Modelfile read_recipe(std::span<const RecipeLayer> layers);

// `base` with what `added` says instead: template and system (an empty one: none), the parameters
// of a name, all messages. Licences are added.
Modelfile merged_recipe(Modelfile base, const Modelfile& added);

}  // namespace hearth
