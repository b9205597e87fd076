/* Models that commands write. */
#ifndef KILN_DRIVER_GRAPH_FILE_H
#define KILN_DRIVER_GRAPH_FILE_H

#include "driver/graph_text.h"

/* Writes g to `path`: as ONNX where that ends in .onnx, else as text, as
 * graph_text_write; E0003 for .tflite, which Kiln only reads. */
bool graph_file_write(Cli *cli, const Graph *g, const char *path,
                      TextConsts otherwise);

#endif
