# Debian packages, of the components that cmake/install.cmake names: cpack -G DEB. docs/INSTALL.md says how they are made.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ringtorch)
set(CPACK_PACKAGE_VENDOR RingTorch)
# Whoever gives packages to others gives a name: -DCPACK_DEBIAN_PACKAGE_MAINTAINER=... (docs/INSTALL.md). Nobody reads mail sent here.
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "RingTorch maintainers <maintainers@ringtorch.example>" CACHE STRING "Maintainer of the packages")
set(CPACK_PACKAGE_CONTACT ${CPACK_DEBIAN_PACKAGE_MAINTAINER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "neural networks, trained across processes, in C") # each description goes on from it
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL programs library development)
if(RT_WITH_MPI)
    list(APPEND CPACK_COMPONENTS_ALL worker workerdevelopment)
endif()
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/debian.cmake)

set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME ringtorch)
if(RT_WITH_MPI)
    set(CPACK_DEBIAN_PROGRAMS_PACKAGE_DEPENDS openmpi-bin)
endif()
set(CPACK_COMPONENT_PROGRAMS_DESCRIPTION "The commands: train, eval, export, status and others, their manual pages,
 completion for bash and zsh, and configurations to begin with.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libringtorch${rt_abi})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
# What the linker and the loader must hear. CPack would make the first itself, but then complains of what is loaded into mpirun, and it
# leaves out the second.
foreach(library library=libringtorch worker=libringtorch-worker)
    string(REGEX MATCH "^(.*)=(.*)$" library ${library})
    set(folder ${PROJECT_BINARY_DIR}/debian/${CMAKE_MATCH_1})
    file(WRITE ${folder}/shlibs "${CMAKE_MATCH_2} ${rt_abi} ${CMAKE_MATCH_2}${rt_abi} (>= ${PROJECT_VERSION})\n")
    file(WRITE ${folder}/triggers "activate-noawait ldconfig\n")
    string(TOUPPER ${CMAKE_MATCH_1} component)
    set(CPACK_DEBIAN_${component}_PACKAGE_CONTROL_EXTRA ${folder}/shlibs ${folder}/triggers)
    set(CPACK_DEBIAN_${component}_PACKAGE_CONTROL_STRICT_PERMISSION ON)
endforeach()
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "The deep-learning engine as a shared library: tensors, automatic
 differentiation, layers, optimisers and data sets for programs in C and C++.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libringtorch-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libringtorch${rt_abi} (= ${PROJECT_VERSION})")
# What the static library needs (ringtorch.pc, Libs.private).
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS
    "libjansson-dev, libyaml-dev, libxxhash-dev, libssl-dev, libopenblas-dev, zlib1g-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "For developing with the deep-learning engine: headers, the static library,
 manual pages, and what pkg-config and CMake find it by.")
set(CPACK_DEBIAN_WORKER_PACKAGE_NAME libringtorch-worker${rt_abi})
set(CPACK_DEBIAN_WORKER_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_WORKER_DESCRIPTION "The engine and the worker of training runs as one shared library, for programs
 that train with a model of their own, or sum gradients exactly over MPI.")
set(CPACK_DEBIAN_WORKERDEVELOPMENT_PACKAGE_NAME libringtorch-worker-dev)
set(CPACK_DEBIAN_WORKERDEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_WORKERDEVELOPMENT_PACKAGE_DEPENDS
    "libringtorch-worker${rt_abi} (= ${PROJECT_VERSION}), libringtorch-dev (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_WORKERDEVELOPMENT_PACKAGE_SUGGESTS "libopenmpi-dev, libzmq3-dev, libmsgpack-dev")
set(CPACK_COMPONENT_WORKERDEVELOPMENT_DESCRIPTION "For developing programs that train: the static library, and what
 pkg-config and CMake find both kinds by. The headers are those of the engine.")
if(rt_html)
    list(APPEND CPACK_COMPONENTS_ALL doc)
    set(CPACK_DEBIAN_DOC_PACKAGE_NAME libringtorch-doc)
    set(CPACK_DEBIAN_DOC_PACKAGE_SECTION doc)
    set(CPACK_DEBIAN_DOC_PACKAGE_ARCHITECTURE all)
    set(CPACK_DEBIAN_DOC_PACKAGE_SHLIBDEPS OFF)
    set(CPACK_COMPONENT_DOC_DESCRIPTION "The manual of the deep-learning engine as HTML: functions, layers, optimisers,
 formats of files and the way a run works.")
endif()
# Each package has the licence where Debian looks for it; an installation of everything has it once.
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
    string(TOUPPER ${component} component)
    string(TOLOWER ${component} name)
    install(FILES cmake/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${component}_PACKAGE_NAME}
        COMPONENT ${name} EXCLUDE_FROM_ALL)
endforeach()
include(CPack)
