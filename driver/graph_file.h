/* Models that commands write. */
#ifndef KILN_DRIVER_GRAPH_FILE_H
#define KILN_DRIVER_GRAPH_FILE_H

#include "driver/graph_text.h"

/* Can models be written in the form that `path` ends in? E0003 for .tflite,
 * which Kiln only reads. */
bool graph_file_check(Cli *cli, const char *path);

/* Writes g to `path`: as ONNX where that ends in .onnx, else as text, as
 * graph_text_write. false: also when it does not pass graph_file_check. */
bool graph_file_write(Cli *cli, const Graph *g, const char *path,
                      TextConsts otherwise);

#endif
