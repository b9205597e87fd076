/* Private to quantizing: scales of results that integer and float operators
 * round alike. */
#ifndef KILN_COMPRESS_QUANTIZE_TIES_H
#define KILN_COMPRESS_QUANTIZE_TIES_H

#include "compress/quantize_places.h"

/* Gives results of add, sub, mul and averages, where they are bytes with a
 * range of their own, the least scale from the one of their range on with
 * which both break every tie alike; where none is near, the one of their range
 * with all its bits, which makes next to no ties. Operands first. */
void ties_settle(Places *p);

#endif
