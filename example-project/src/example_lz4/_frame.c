/* LZ4 frames as bytes in, bytes out. No state of its own, so it needs no GIL and works in any number of interpreters. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include <lz4.h>
#include <lz4frame.h>

/* One compressed byte stands for at most 255 plain ones; a frame that claims more is lying. */
#define MOST_FROM_ONE_BYTE 255

static PyObject *
compress(PyObject *Py_UNUSED(module), PyObject *data)
{
    Py_buffer plain;
    if (PyObject_GetBuffer(data, &plain, PyBUF_SIMPLE) < 0) {
        return NULL;
    }

    LZ4F_preferences_t preferences;
    memset(&preferences, 0, sizeof preferences);
    preferences.frameInfo.contentSize = (unsigned long long)plain.len;
    preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;

    size_t room = LZ4F_compressFrameBound((size_t)plain.len, &preferences);
    char *scratch = malloc(room);
    if (scratch == NULL) {
        PyBuffer_Release(&plain);
        return PyErr_NoMemory();
    }

    size_t written;
    Py_BEGIN_ALLOW_THREADS
    written = LZ4F_compressFrame(scratch, room, plain.buf, (size_t)plain.len, &preferences);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&plain);

    PyObject *frame = NULL;
    if (LZ4F_isError(written)) {
        PyErr_Format(PyExc_RuntimeError, "liblz4: %s", LZ4F_getErrorName(written));
    } else {
        frame = PyBytes_FromStringAndSize(scratch, (Py_ssize_t)written);
    }
    free(scratch);
    return frame;
}

/* Reads the frame's body into exactly `size` bytes. Returns what is wrong with it, or NULL. */
static const char *
read_body(LZ4F_dctx *context, char *plain, size_t size, const char *body, size_t length)
{
    size_t wanted = 1;
    size_t made = 0;
    while (wanted != 0) {
        size_t room = size - made;
        size_t eaten = length;
        wanted = LZ4F_decompress(context, plain + made, &room, body, &eaten, NULL);
        if (LZ4F_isError(wanted)) {
            return LZ4F_getErrorName(wanted);
        }
        if (wanted != 0 && room == 0 && eaten == 0) {
            return "the frame ends early, or does not state its size";
        }
        made += room;
        body += eaten;
        length -= eaten;
    }
    if (made != size) {
        return "the frame holds less than it states";
    }
    return length == 0 ? NULL : "there is something after the frame";
}

static PyObject *
decompress(PyObject *Py_UNUSED(module), PyObject *data)
{
    Py_buffer frame;
    if (PyObject_GetBuffer(data, &frame, PyBUF_SIMPLE) < 0) {
        return NULL;
    }

    PyObject *plain = NULL;
    const char *mistake = NULL;
    LZ4F_dctx *context = NULL;
    LZ4F_frameInfo_t info;
    size_t header = (size_t)frame.len;

    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) {
        PyErr_NoMemory();
        goto done;
    }
    size_t hint = LZ4F_getFrameInfo(context, &info, frame.buf, &header);
    if (LZ4F_isError(hint)) {
        mistake = LZ4F_getErrorName(hint);
        goto done;
    }
    if (info.contentSize / MOST_FROM_ONE_BYTE > (unsigned long long)frame.len) {
        mistake = "the frame states a size that it cannot hold";
        goto done;
    }
    plain = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)info.contentSize);
    if (plain == NULL) {
        goto done;
    }
    char *out = PyBytes_AS_STRING(plain);
    Py_BEGIN_ALLOW_THREADS
    mistake = read_body(context, out, (size_t)info.contentSize, (const char *)frame.buf + header,
                        (size_t)frame.len - header);
    Py_END_ALLOW_THREADS

done:
    LZ4F_freeDecompressionContext(context);
    PyBuffer_Release(&frame);
    if (mistake != NULL) {
        Py_CLEAR(plain);
        PyErr_Format(PyExc_ValueError, "not an LZ4 frame: %s", mistake);
    }
    return plain;
}

static PyObject *
version(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyUnicode_FromString(LZ4_versionString());
}

static PyMethodDef methods[] = {
    {"compress", compress, METH_O, "compress($module, data, /)\n--\n\nReturn the bytes as one LZ4 frame."},
    {"decompress", decompress, METH_O,
     "decompress($module, frame, /)\n--\n\nReturn what a frame holds. Raise ValueError if it is not one."},
    {"version", version, METH_NOARGS, "version($module, /)\n--\n\nReturn the version of the liblz4 in use."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "example_lz4._frame",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__frame(void)
{
    return PyModuleDef_Init(&definition);
}
