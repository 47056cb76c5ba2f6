#include "sshd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "tests/support/child.h"

enum { SECONDS = 20, OTHER_PORT = 2222 };

bool sshd_possible(void)
{
    static const char *const programs[] = {"sshd", "ssh", "ssh-keygen"};
    char line[80];
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        snprintf(line, sizeof line, "PATH=$PATH:/usr/sbin:/sbin command -v %s >/dev/null",
                 programs[i]);
        if (child_end(child_program((const char *const[]){"sh", "-c", line, NULL}, NULL, NULL)) !=
            0) {
            fprintf(stderr, "ssh between hosts needs %s: skipped\n", programs[i]);
            return false;
        }
    }
    return hosts_possible();
}

static void must(result r)
{
    if (r.exit_code != 0)
        fail_msg("exit code %d\n%s%s", r.exit_code, r.out, r.err);
    result_release(&r);
}

static void write_text(const char *path, const char *text)
{
    if (rt_file_replace(path, text, strlen(text)) != RT_OK)
        fail_msg("%s", rt_error());
}

/* ---- keys and configurations ---- */

static void make_key(const hosts *h, const char *name)
{
    const char *path = in_scratch(h->scratch, "%s", name);
    must(run(h->scratch, SECONDS, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f",
             path, NULL));
}

/* sshd gives its sessions the variables by which the tests find their processes. */
static void write_server(const hosts *h, int i)
{
    static const char *const passed[] = {"RINGTORCH_TEST", "ASAN_OPTIONS", "LSAN_OPTIONS",
                                         "UBSAN_OPTIONS", "TSAN_OPTIONS"};
    rt_text t = {0};
    rt_text_add(&t,
                "ListenAddress %s\nPort 22\nPort %d\nHostKey %s\nPidFile none\n"
                "AuthorizedKeysFile %s\n",
                h->host[i].address, OTHER_PORT, in_scratch(h->scratch, "key.%d", i),
                in_scratch(h->scratch, "key.user.pub"));
    rt_text_add(&t, "StrictModes no\nUsePAM no\nPasswordAuthentication no\n"
                    "KbdInteractiveAuthentication no\nPermitRootLogin yes\n");
    for (size_t k = 0; k < sizeof passed / sizeof *passed; k++)
        if (getenv(passed[k]))
            rt_text_add(&t, "%s%s=%s", k == 0 ? "SetEnv " : " ", passed[k], getenv(passed[k]));
    rt_text_add(&t, "\n");
    write_text(in_scratch(h->scratch, "sshd.%d", i), t.data);
    rt_mem_free(t.data);
}

static void write_client(const hosts *h)
{
    rt_text t = {0};
    rt_text_add(&t, "Host far\n  HostName %s\n  Port %d\n  User root\n",
                h->host[h->count - 1].address, OTHER_PORT);
    rt_text_add(&t,
                "Host *\n  IdentityFile %s\n  IdentitiesOnly yes\n  StrictHostKeyChecking yes\n"
                "  GlobalKnownHostsFile /dev/null\n  UserKnownHostsFile %s\n",
                in_scratch(h->scratch, "key.user"), in_scratch(h->scratch, "known_hosts"));
    write_text(in_scratch(h->scratch, "ssh_config"), t.data);
    rt_mem_free(t.data);
}

/* Writes what the client knows of the hosts: their keys, and their addresses. */
static void write_known(const hosts *h)
{
    rt_text keys = {0}, names = {0};
    rt_text_add(&names, "127.0.0.1 localhost\n");
    for (int i = 0; i < h->count; i++)
        rt_text_add(&names, "%s %s\n", h->host[i].address, h->host[i].name);
    for (int i = 1; i < h->count; i++) {
        rt_bytes key = {0};
        if (rt_file_read(in_scratch(h->scratch, "key.%d.pub", i), 4096, &key) != RT_OK)
            fail_msg("%s", rt_error());
        rt_text_add(&keys, "%s,%s,[%s]:%d,[%s]:%d %s", h->host[i].name, h->host[i].address,
                    h->host[i].address, OTHER_PORT, h->host[i].name, OTHER_PORT, (char *)key.data);
        rt_bytes_release(&key);
    }
    write_text(in_scratch(h->scratch, "known_hosts"), keys.data);
    write_text(in_scratch(h->scratch, "etc_hosts"), names.data);
    rt_mem_free(keys.data);
    rt_mem_free(names.data);
}

void sshd_prepend(const hosts *h, const char *lines)
{
    rt_bytes before = {0};
    const char *path = in_scratch(h->scratch, "ssh_config");
    if (rt_file_read(path, 1 << 16, &before) != RT_OK)
        fail_msg("%s", rt_error());
    char *text = rt_strdup_printf("%s%s", lines, (char *)before.data);
    assert_non_null(text);
    write_text(path, text);
    rt_mem_free(text);
    rt_bytes_release(&before);
}

/* ---- the servers ---- */

/* A build folder below /tmp must stay visible; then /tmp is shared. */
static void furnish(const hosts *h, int i)
{
    char line[512];
    snprintf(line, sizeof line,
             "set -e; mount -t tmpfs tmpfs /run; mkdir -m 755 /run/sshd; case %s in /tmp/*) ;; *)\n"
             "mount --bind %s /mnt; mount -t tmpfs tmpfs /tmp; chmod 1777 /tmp; mkdir -p %s\n"
             "mount --move /mnt %s;; esac",
             RT_TEST_BINARY_DIR, h->scratch->path, h->scratch->path, h->scratch->path);
    must(run_on_host(h, i, line));
}

void sshd_boot(const hosts *h, int i)
{
    char line[256];
    furnish(h, i);
    snprintf(line, sizeof line,
             "RINGTORCH_TEST='' exec \"$(PATH=$PATH:/usr/sbin:/sbin command -v sshd)\" -f %s "
             ">/dev/null 2>%s",
             in_scratch(h->scratch, "sshd.%d", i), in_scratch(h->scratch, "sshd.%d.log", i));
    must(run_on_host(h, i, line));
}

void sshd_begin(hosts *h)
{
    char line[256], shell[160];
    make_key(h, "key.user");
    for (int i = 1; i < h->count; i++) {
        make_key(h, in_scratch(h->scratch, "key.%d", i) + strlen(h->scratch->path) + 1);
        write_server(h, i);
    }
    write_known(h);
    write_client(h);
    snprintf(line, sizeof line, "mount --bind %s /etc/hosts", in_scratch(h->scratch, "etc_hosts"));
    must(run_on_host(h, 0, line));
    for (int i = 1; i < h->count; i++)
        sshd_boot(h, i);
    snprintf(shell, sizeof shell, "ssh -F %s", in_scratch(h->scratch, "ssh_config"));
    setenv("OMPI_MCA_plm_rsh_agent", shell, 1);
}

void sshd_end(hosts *h)
{
    setenv("OMPI_MCA_plm_rsh_agent", h->agent, 1);
}
