#include <zlib.h>

// Macros, which Swift does not see.
static inline int saveferry_deflate_init(z_stream *stream) { return deflateInit(stream, Z_DEFAULT_COMPRESSION); }
static inline int saveferry_inflate_init(z_stream *stream) { return inflateInit(stream); }
