/* A product that is rounded before anything is added to it, whatever -ffp-contract says. */
static float NAME_multiply(float a, float b)
{
    volatile float product = a * b;
    return product;
}

