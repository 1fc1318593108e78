// The installed headers name functions as glibc 2.34 and later export them;
// this gives back the name that every board's glibc has.
#define res_search __res_search
#include_next <resolv.h>
