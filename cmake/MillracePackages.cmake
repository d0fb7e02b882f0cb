# Third-party libraries, each found once. What they are and why: docs/dependencies.md.
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)

# ONNX Runtime comes from ./dev setup (.deps), or from ORT_ROOT (a folder with include/ and lib/).
if(DEFINED ENV{ORT_ROOT})
  set(ORT_ROOT $ENV{ORT_ROOT})
else()
  set(ORT_ROOT ${MILLRACE_DEPS_DIR}/onnxruntime)
endif()
find_path(ORT_INCLUDE onnxruntime_cxx_api.h PATHS ${ORT_ROOT}/include ${ORT_ROOT}/include/onnxruntime NO_DEFAULT_PATH)
find_library(ORT_LIBRARY onnxruntime PATHS ${ORT_ROOT}/lib NO_DEFAULT_PATH)
if(NOT ORT_INCLUDE OR NOT ORT_LIBRARY)
  message(FATAL_ERROR "ONNX Runtime is not in ${ORT_ROOT}: run './dev setup', or set ORT_ROOT")
endif()
add_library(onnxruntime SHARED IMPORTED)
set_target_properties(onnxruntime PROPERTIES IMPORTED_LOCATION ${ORT_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${ORT_INCLUDE} INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${ORT_INCLUDE})
