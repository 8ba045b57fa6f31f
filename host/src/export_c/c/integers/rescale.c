/* floor((a * m + 2^31) / 2^32) of a row of a block, with a the sum and the row's bias, and m its multiplier. */
static int32_t NAME_rescale(int32_t sum, const uint32_t *block, uint32_t row)
{
    const int64_t product = (int64_t)(sum + (int32_t)block[row]) * (int32_t)block[8 + row];
    return (int32_t)((product + ((int64_t)1 << 31)) >> 32);
}

