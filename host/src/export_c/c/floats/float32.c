typedef float NAME_weight;

static inline float NAME_widen(NAME_weight weight)
{
    return weight;
}

